import { Fragment, Mark, type Node, type Schema } from "@tiptap/pm/model";
import { headingLevels } from "#shared/sync-protocol.ts";
import type { Attributes } from "./delta.ts";
import { markType, nodeType } from "./schema.ts";

/** The marks that a character with these attributes has. Unknown attributes are left out. */
export function marksOf(schema: Schema, attributes: Attributes | undefined): readonly Mark[] {
  if (attributes === undefined) return Mark.none;
  const marks: Mark[] = [];
  if (attributes.bold) marks.push(markType(schema, "bold").create());
  if (attributes.italic) marks.push(markType(schema, "italic").create());
  if (attributes.run) marks.push(markType(schema, "run").create({ id: attributes.run }));
  return Mark.setFrom(marks);
}

/** The mark that stands for one inline attribute, or undefined where the attribute is none of ours. */
export function markOf(schema: Schema, name: string, value: unknown): Mark | undefined {
  return marksOf(schema, { [name]: value })[0];
}

/** The attributes of a character with these marks. */
export function attributesOfMarks(marks: readonly Mark[]): Attributes {
  const attributes: Record<string, unknown> = {};
  for (const mark of marks) {
    attributes[mark.type.name] = mark.type.name === "run" ? mark.attrs.id : true;
  }
  return attributes;
}

/** The block attributes of the `\n` that ends `block`; `{}` for a paragraph. */
export function attributesOfBlock(block: Node): Attributes {
  return block.type.name === "heading" ? { block: "heading", level: block.attrs.level } : {};
}

/** The heading level that the attributes of a `\n` give, or null for a paragraph. */
export function headingLevelOf(attributes: Attributes | undefined): number | null {
  if (attributes?.block !== "heading") return null;
  return headingLevels.find((level) => level === attributes.level) ?? null;
}

/** The block whose `\n` has these attributes; what we do not know is a paragraph. */
export function blockOf(
  schema: Schema,
  attributes: Attributes | undefined,
  content: Fragment = Fragment.empty,
): Node {
  const level = headingLevelOf(attributes);
  return level === null
    ? nodeType(schema, "paragraph").create(null, content)
    : nodeType(schema, "heading").create({ level }, content);
}

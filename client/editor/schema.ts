import { type Extensions, getSchema, Mark } from "@tiptap/core";
import type { MarkType, NodeType, Schema } from "@tiptap/pm/model";
import { StarterKit } from "@tiptap/starter-kit";
import { headingLevels } from "#shared/sync-protocol.ts";

/**
 * Marks what a run wrote. For colour only: nothing is ever decided by it. It does not grow under a
 * person's typing, and no pasted HTML can claim it.
 */
export const Run = Mark.create({
  name: "run",
  inclusive: false,
  excludes: "run",
  addAttributes: () => ({
    id: {
      default: null,
      renderHTML: (attributes: Record<string, unknown>) => ({ "data-run": attributes.id }),
    },
  }),
  parseHTML: () => [],
  renderHTML: ({ HTMLAttributes }) => ["span", { ...HTMLAttributes, class: "run" }, 0],
});

/** Paragraphs, headings 1–3, bold, italic: what flat text can hold, and nothing that fights it. */
const manuscriptKit = StarterKit.configure({
  heading: { levels: [...headingLevels] },
  blockquote: false,
  bulletList: false,
  orderedList: false,
  listItem: false,
  listKeymap: false,
  codeBlock: false,
  code: false,
  horizontalRule: false,
  hardBreak: false,
  strike: false,
  underline: false,
  link: false,
  undoRedo: false,
  trailingNode: false,
  dropcursor: false,
  gapcursor: false,
});

/** The Tiptap extensions that make up the manuscript's schema. */
export const manuscriptExtensions: Extensions = [manuscriptKit, Run];

/** The manuscript's ProseMirror schema, without an editor. */
export function manuscriptSchema(): Schema {
  return getSchema(manuscriptExtensions);
}

/** A node type of the manuscript's schema. Throws where the schema is another one. */
export function nodeType(schema: Schema, name: "paragraph" | "heading"): NodeType {
  const type = schema.nodes[name];
  if (type === undefined) throw new Error(`The schema has no node "${name}"`);
  return type;
}

/** A mark type of the manuscript's schema. Throws where the schema is another one. */
export function markType(schema: Schema, name: "bold" | "italic" | "run"): MarkType {
  const type = schema.marks[name];
  if (type === undefined) throw new Error(`The schema has no mark "${name}"`);
  return type;
}

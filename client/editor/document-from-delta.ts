import { Fragment, type Node, type Schema } from "@tiptap/pm/model";
import { blockOf, marksOf } from "./attributes.ts";
import type { Delta } from "./delta.ts";

/** The document that the whole text (a delta of inserts) stands for; a missing final `\n` is tolerated. */
export function documentFromDelta(schema: Schema, delta: Delta): Node {
  const blocks: Node[] = [];
  let line: Node[] = [];
  for (const { insert = "", attributes } of delta) {
    const parts = insert.split("\n");
    parts.forEach((part, index) => {
      if (part !== "") line.push(schema.text(part, marksOf(schema, attributes)));
      if (index === parts.length - 1) return;
      blocks.push(blockOf(schema, attributes, Fragment.fromArray(line)));
      line = [];
    });
  }
  if (line.length > 0 || blocks.length === 0) {
    blocks.push(blockOf(schema, undefined, Fragment.fromArray(line)));
  }
  return schema.topNodeType.create(null, blocks);
}

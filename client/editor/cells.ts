import type { Node } from "@tiptap/pm/model";
import { attributesOfBlock, attributesOfMarks } from "./attributes.ts";
import type { Attributes } from "./delta.ts";

/** One UTF-16 unit of the flat text with its attributes. */
export interface Cell {
  unit: string;
  attributes: Attributes;
}

/** The flat text of `doc` between two offsets, unit by unit. */
export function cellsBetween(doc: Node, from: number, to: number): Cell[] {
  const cells: Cell[] = [];
  let start = 0;
  for (let line = 0; line < doc.childCount && start < to; line++) {
    const block = doc.child(line);
    const end = start + block.content.size;
    if (end >= from) {
      pushLine(cells, block, from - start, to - start);
      if (end < to) cells.push({ unit: "\n", attributes: attributesOfBlock(block) });
    }
    start = end + 1;
  }
  return cells;
}

function pushLine(cells: Cell[], block: Node, from: number, to: number) {
  block.forEach((child, at) => {
    if (at + child.nodeSize <= from || at >= to) return;
    const attributes = attributesOfMarks(child.marks);
    const text = child.text ?? " ".repeat(child.nodeSize);
    const last = Math.min(text.length, to - at);
    for (let index = Math.max(0, from - at); index < last; index++) {
      cells.push({ unit: text.charAt(index), attributes });
    }
  });
}

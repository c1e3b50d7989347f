import * as Y from "yjs";
import { type CharacterId, readCharacters, walkCharacters } from "./characters.ts";
import type { ItemRange } from "./run-store.ts";

/** What an insertion left behind. */
export interface Insertion {
  /** The inserted characters, in the order of the text. */
  ranges: ItemRange[];
  /** The character before them. */
  after: CharacterId | null;
}

/**
 * Inserts a run's text at `index`, as its own and with no other attribute. A `\n` ends the line as
 * Enter would: what stood before keeps its block type, and where the line ended here, what follows
 * is a plain paragraph. Mends a missing final `\n`, so that nothing is ever written after it.
 */
export function insertRunText(body: Y.Text, index: number, text: string, run: string): Insertion {
  mendFinalNewline(body);
  const left = readCharacters(body, index - 1, index)[0];
  const clockBefore = ownClock(body);
  const heading = text.includes("\n") ? blockAt(body, index) : undefined;
  if (heading === undefined) body.insert(index, text, { run });
  else insertIntoHeading(body, index, text, run, heading);
  return {
    ranges: insertedSince(body, clockBefore),
    after: left ? { client: left.client, clock: left.clock } : null,
  };
}

function mendFinalNewline(body: Y.Text): void {
  const last = readCharacters(body, body.length - 1, body.length)[0];
  if (last?.text !== "\n") body.insert(body.length, "\n", {});
}

interface Heading {
  attributes: { block: unknown; level: unknown };
  /** Whether nothing of the line stands after the index. */
  endsHere: boolean;
}

/** The heading that the line at `index` is; undefined for a plain paragraph. */
function blockAt(body: Y.Text, index: number): Heading | undefined {
  for (const run of walkCharacters(body, index, body.length)) {
    const lineBreak = run.text.indexOf("\n");
    if (lineBreak < 0) continue;
    const { block, level } = run.attributes;
    if (block === undefined) return undefined;
    const first = readCharacters(body, index, index + 1)[0];
    return { attributes: { block, level }, endsHere: first?.text === "\n" };
  }
  return undefined;
}

function insertIntoHeading(
  body: Y.Text,
  index: number,
  text: string,
  run: string,
  heading: Heading,
): void {
  const lineBreak = index + text.indexOf("\n");
  body.insert(index, text.slice(0, lineBreak - index), { run });
  body.insert(lineBreak, "\n", { run, ...heading.attributes });
  body.insert(lineBreak + 1, text.slice(lineBreak + 1 - index), { run });
  if (heading.endsHere) body.format(index + text.length, 1, { block: null, level: null });
}

function ownClock(body: Y.Text): number {
  const doc = docOf(body);
  return Y.getState(doc.store, doc.clientID);
}

/** The characters that this document's own client inserted from `clock` on. */
function insertedSince(body: Y.Text, clock: number): ItemRange[] {
  const doc = docOf(body);
  const structs = doc.store.clients.get(doc.clientID) ?? [];
  const ranges: ItemRange[] = [];
  for (const struct of structs.slice(firstIndexAt(structs, clock))) {
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString)) continue;
    const from = Math.max(struct.id.clock, clock);
    const to = struct.id.clock + struct.length;
    const last = ranges.at(-1);
    if (last?.to === from) last.to = to;
    else ranges.push({ client: doc.clientID, from, to });
  }
  return ranges;
}

function firstIndexAt(structs: readonly (Y.Item | Y.AbstractStruct)[], clock: number): number {
  let index = structs.length;
  while (index > 0) {
    const struct = structs[index - 1];
    if (struct === undefined || struct.id.clock + struct.length <= clock) break;
    index--;
  }
  return index;
}

function docOf(body: Y.Text): Y.Doc {
  if (body.doc === null) throw new Error("The text belongs to no document.");
  return body.doc;
}

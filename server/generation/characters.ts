import * as Y from "yjs";

/** The identity of one UTF-16 unit of the shared text; it outlives every edit around it. */
export interface CharacterId {
  client: number;
  clock: number;
}

/** Neighbouring visible units that were inserted one after the other: ids clock, clock + 1, … */
export interface CharacterRun extends CharacterId {
  text: string;
  attributes: Record<string, unknown>;
}

/** The visible units [from, to) of the text, in order, with their identities and attributes. */
export function readCharacters(body: Y.Text, from: number, to: number): CharacterRun[] {
  return [...walkCharacters(body, from, to)];
}

/** As `readCharacters`, one run at a time; leaving the loop early costs nothing more. */
export function* walkCharacters(
  body: Y.Text,
  from: number,
  to: number,
): Generator<CharacterRun, undefined> {
  const attributes: Record<string, unknown> = {};
  let index = 0;
  for (let item = body._start; item !== null && index < to; item = item.right) {
    if (item.deleted) continue;
    if (item.content instanceof Y.ContentFormat) {
      applyFormat(attributes, item.content);
      continue;
    }
    if (!item.countable) continue;
    const end = index + item.length;
    if (end > from) {
      const first = Math.max(from - index, 0);
      const last = Math.min(item.length, to - index);
      yield {
        client: item.id.client,
        clock: item.id.clock + first,
        text: textOf(item).slice(first, last),
        attributes: { ...attributes },
      };
    }
    index = end;
  }
  return undefined;
}

/** An embed, which the guard refuses, would count as one unknown character a unit. */
function textOf(item: Y.Item): string {
  return item.content instanceof Y.ContentString ? item.content.str : "\uFFFC".repeat(item.length);
}

function applyFormat(attributes: Record<string, unknown>, format: Y.ContentFormat): void {
  // ContentFormat's own type leaves the value open; null takes the attribute away.
  const value: unknown = format.value;
  if (value === null) delete attributes[format.key];
  else attributes[format.key] = value;
}

/** Text with the identity of each of its units. */
export interface IdentifiedText {
  text: string;
  at(offset: number): CharacterId;
}

/** Joins what `readCharacters` gave; `at` throws for an offset outside the text. */
export function joinCharacters(runs: readonly CharacterRun[]): IdentifiedText {
  const length = lengthOf(runs);
  const clients = new Float64Array(length);
  const clocks = new Float64Array(length);
  let offset = 0;
  for (const run of runs) {
    for (let unit = 0; unit < run.text.length; unit++, offset++) {
      clients[offset] = run.client;
      clocks[offset] = run.clock + unit;
    }
  }
  return {
    text: runs.map((run) => run.text).join(""),
    at(offset) {
      const client = clients[offset];
      const clock = clocks[offset];
      if (client === undefined || clock === undefined) throw new RangeError("Outside the text.");
      return { client, clock };
    },
  };
}

/**
 * Offset of the first unit at which two texts differ in identity, or undefined where they are the
 * same units; attributes do not count.
 */
export function firstDifference(
  before: readonly CharacterRun[],
  after: readonly CharacterRun[],
): number | undefined {
  const old = unitsOf(before);
  const now = unitsOf(after);
  let offset = 0;
  for (;;) {
    const left = old.next();
    const right = now.next();
    if (left.done && right.done) return undefined;
    if (left.done || right.done) return offset;
    const same = left.value.client === right.value.client && left.value.clock === right.value.clock;
    if (!same) return offset;
    offset++;
  }
}

/** How many units at the end of both texts are the same in identity; attributes do not count. */
export function commonEnd(before: readonly CharacterRun[], after: readonly CharacterRun[]): number {
  const old = unitsFromEnd(before);
  const now = unitsFromEnd(after);
  for (let length = 0; ; length++) {
    const left = old.next();
    const right = now.next();
    if (left.done || right.done) return length;
    const same = left.value.client === right.value.client && left.value.clock === right.value.clock;
    if (!same) return length;
  }
}

function* unitsFromEnd(runs: readonly CharacterRun[]): Generator<CharacterId, undefined> {
  for (const { client, clock, text } of runs.toReversed()) {
    for (let unit = text.length - 1; unit >= 0; unit--) yield { client, clock: clock + unit };
  }
}

function* unitsOf(runs: readonly CharacterRun[]): Generator<CharacterId, undefined> {
  for (const { client, clock, text } of runs) {
    for (let unit = 0; unit < text.length; unit++) yield { client, clock: clock + unit };
  }
}

/** Where in the text (0 = before all) the last place is that a writer may stand: before the final `\n`. */
export function endOfText(body: Y.Text): number {
  const last = readCharacters(body, body.length - 1, body.length)[0];
  return last?.text === "\n" ? body.length - 1 : body.length;
}

/** Units in all. */
export function lengthOf(runs: readonly CharacterRun[]): number {
  return runs.reduce((sum, run) => sum + run.text.length, 0);
}

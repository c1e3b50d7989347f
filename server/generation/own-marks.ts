import type * as Y from "yjs";
import { type CharacterId, type CharacterRun, walkCharacters } from "./characters.ts";
import type { OwnedRange } from "./run-store.ts";

/** A stretch whose mark is not its owner's. */
interface WrongMark {
  index: number;
  text: string;
  /** The run that it is marked with, and the one that wrote it. */
  marked: string | null;
  owner: string | null;
}

/** Words that no run wrote where they stand, and the run that their mark names. */
export interface ForeignWords {
  run: string;
  text: string;
}

/**
 * Gives each run's own characters their mark, and takes marks from characters that are no run's:
 * concurrent edits can leave a few wrong ones. Those that `keepsMark` stay as they are. `owned` are
 * the ranges of all of the document's runs, in the order of client and clock. The mark is for colour
 * only.
 */
export function mendRunMarks(
  body: Y.Text,
  owned: readonly OwnedRange[],
  keepsMark: (words: ForeignWords) => boolean = () => false,
): void {
  for (const { index, text, marked, owner } of wrongMarks(body, owned)) {
    const isForeign = owner === null && marked !== null;
    if (isForeign && keepsMark({ run: marked, text })) continue;
    body.format(index, text.length, { run: owner });
  }
}

/** What carries a run's mark and is no run's. */
export function foreignWords(body: Y.Text, owned: readonly OwnedRange[]): ForeignWords[] {
  return wrongMarks(body, owned).flatMap(({ text, marked, owner }) =>
    owner === null && marked !== null ? { run: marked, text } : [],
  );
}

function wrongMarks(body: Y.Text, owned: readonly OwnedRange[]): WrongMark[] {
  const found: WrongMark[] = [];
  let index = 0;
  for (const characters of walkCharacters(body, 0, body.length)) {
    const { run } = characters.attributes;
    const marked = typeof run === "string" ? run : null;
    for (const { text, owner } of splitByOwner(characters, owned)) {
      if (owner !== marked) addWrongMark(found, { index, text, marked, owner });
      index += text.length;
    }
  }
  return found;
}

/** Each correction is a walk through the text: neighbours go together. */
function addWrongMark(found: WrongMark[], mark: WrongMark): void {
  const last = found.at(-1);
  const goesOn = last !== undefined && last.index + last.text.length === mark.index;
  if (goesOn && last.owner === mark.owner && last.marked === mark.marked) last.text += mark.text;
  else found.push(mark);
}

function* splitByOwner(
  { client, clock: first, text }: CharacterRun,
  owned: readonly OwnedRange[],
): Generator<Pick<WrongMark, "text" | "owner">, undefined> {
  const end = first + text.length;
  let place = firstEndingAfter(owned, { client, clock: first });
  for (let clock = first; clock < end; ) {
    const next = owned[place];
    const range = next?.client === client ? next : undefined;
    const isOwned = range !== undefined && range.from <= clock;
    const to = Math.min(end, (isOwned ? range.to : range?.from) ?? end);
    yield { text: text.slice(clock - first, to - first), owner: isOwned ? range.run : null };
    if (isOwned) place++;
    clock = to;
  }
  return undefined;
}

/** Where the first range stands that ends after this character. */
function firstEndingAfter(owned: readonly OwnedRange[], { client, clock }: CharacterId): number {
  let low = 0;
  for (let high = owned.length; low < high; ) {
    const middle = (low + high) >>> 1;
    const range = owned[middle];
    if (range === undefined || isBefore(range, { client, clock })) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(range: OwnedRange, { client, clock }: CharacterId): boolean {
  return range.client < client || (range.client === client && range.to <= clock);
}

import type * as Y from "yjs";
import { type CharacterId, type CharacterRun, walkCharacters } from "./characters.ts";
import type { OwnedRange } from "./run-store.ts";

interface Correction {
  index: number;
  length: number;
  run: string | null;
}

/**
 * Gives each run's own characters their mark, and takes marks from characters that are no run's:
 * concurrent edits can leave a few wrong ones. `owned` are the ranges of all of the document's runs,
 * in the order of client and clock. The mark is for colour only.
 */
export function mendRunMarks(body: Y.Text, owned: readonly OwnedRange[]): void {
  for (const { index, length, run } of corrections(body, owned))
    body.format(index, length, { run });
}

function corrections(body: Y.Text, owned: readonly OwnedRange[]): Correction[] {
  const found: Correction[] = [];
  let index = 0;
  for (const characters of walkCharacters(body, 0, body.length)) {
    const marked = characters.attributes.run ?? null;
    for (const { length, run } of splitByOwner(characters, owned)) {
      if (run !== marked) addCorrection(found, { index, length, run });
      index += length;
    }
  }
  return found;
}

/** Each correction is a walk through the text: neighbours go together. */
function addCorrection(found: Correction[], { index, length, run }: Correction): void {
  const last = found.at(-1);
  if (last !== undefined && last.run === run && last.index + last.length === index) {
    last.length += length;
  } else found.push({ index, length, run });
}

function* splitByOwner(
  characters: CharacterRun,
  owned: readonly OwnedRange[],
): Generator<Omit<Correction, "index">, undefined> {
  const end = characters.clock + characters.text.length;
  let place = firstEndingAfter(owned, characters);
  for (let clock = characters.clock; clock < end; ) {
    const next = owned[place];
    const range = next?.client === characters.client ? next : undefined;
    const isOwned = range !== undefined && range.from <= clock;
    const to = Math.min(end, (isOwned ? range.to : range?.from) ?? end);
    yield { length: to - clock, run: isOwned ? range.run : null };
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

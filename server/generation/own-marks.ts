import type * as Y from "yjs";
import { type CharacterRun, endOfText, walkCharacters } from "./characters.ts";
import type { ItemRange } from "./run-store.ts";

interface Correction {
  index: number;
  length: number;
  run: string | null;
}

/**
 * Marks a run's own characters that lost its mark, and takes the mark from characters that are not
 * its own: concurrent edits can leave a few of each. The mark is for colour only.
 */
export function mendRunMarks(body: Y.Text, run: string, own: readonly ItemRange[]): void {
  for (const { index, length, run: mark } of corrections(body, run, own)) {
    body.format(index, length, { run: mark });
  }
}

function corrections(body: Y.Text, run: string, own: readonly ItemRange[]): Correction[] {
  const found: Correction[] = [];
  let index = 0;
  for (const characters of walkCharacters(body, 0, endOfText(body))) {
    for (const part of splitByOwner(characters, own)) {
      const marked = characters.attributes.run === run;
      if (part.own !== marked) {
        found.push({ index, length: part.length, run: part.own ? run : null });
      }
      index += part.length;
    }
  }
  return found;
}

function splitByOwner(characters: CharacterRun, own: readonly ItemRange[]) {
  const ranges = own.filter((range) => range.client === characters.client);
  const parts: { length: number; own: boolean }[] = [];
  for (let unit = 0; unit < characters.text.length; unit++) {
    const clock = characters.clock + unit;
    const isOwn = ranges.some((range) => clock >= range.from && clock < range.to);
    const last = parts.at(-1);
    if (last?.own === isOwn) last.length++;
    else parts.push({ length: 1, own: isOwn });
  }
  return parts;
}

import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Random } from "../../tests/support/random.ts";
import { walkCharacters } from "./characters.ts";
import { insertRunText } from "./insert-text.ts";
import { mendRunMarks } from "./own-marks.ts";
import type { OwnedRange } from "./run-store.ts";

const bodyOf = (doc: Y.Doc) => doc.getText("body");

/** Runs write into the server's document while people edit copies that are behind it. */
class Afternoon {
  readonly server = new Y.Doc();
  readonly people = [new Y.Doc(), new Y.Doc()];
  readonly owned: OwnedRange[] = [];
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
    bodyOf(this.server).insert(0, "Once upon a time.\n", {});
    this.meet();
  }

  write(run: string): void {
    const body = bodyOf(this.server);
    const { ranges } = insertRunText(body, this.#random.below(body.length), "and so on ", run);
    this.owned.push(...ranges.map((range) => ({ ...range, run })));
  }

  edit(): void {
    for (const person of this.people) {
      const body = bodyOf(person);
      const place = this.#random.below(body.length);
      if (this.#random.chance(0.6)) body.insert(place, this.#random.pick(["so ", "x", "\n"]), {});
      else body.delete(place, Math.min(this.#random.below(6), body.length - 1 - place));
    }
  }

  /** What one copy has reaches all others, with what Yjs cleans up on the way. */
  meet(): void {
    for (let round = 0; round < 3; round++) {
      for (const person of this.people) {
        Y.applyUpdate(this.server, Y.encodeStateAsUpdate(person));
        Y.applyUpdate(person, Y.encodeStateAsUpdate(this.server));
      }
    }
  }

  mend(): void {
    this.owned.sort((a, b) => a.client - b.client || a.from - b.from);
    this.server.transact(() => mendRunMarks(bodyOf(this.server), this.owned));
    this.meet();
  }

  wronglyMarked(doc: Y.Doc): number {
    let wrong = 0;
    for (const { client, clock, text, attributes } of walkCharacters(bodyOf(doc), 0, Infinity)) {
      for (let unit = 0; unit < text.length; unit++) {
        const owner = this.owned.find(
          ({ client: writer, from, to }) =>
            writer === client && from <= clock + unit && clock + unit < to,
        );
        if (owner?.run !== attributes.run) wrong++;
      }
    }
    return wrong;
  }
}

describe("marks after concurrent edits", () => {
  it("R14: are right in every copy once they were mended, whatever went wrong", () => {
    let wrongBefore = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const afternoon = new Afternoon(seed);
      for (let turn = 0; turn < 12; turn++) {
        afternoon.write(`run-${Math.floor(turn / 3)}`);
        afternoon.edit();
        if (turn % 3 === 2) afternoon.meet();
      }
      wrongBefore += afternoon.wronglyMarked(afternoon.server);
      afternoon.mend();
      for (const doc of [afternoon.server, ...afternoon.people]) {
        expect(afternoon.wronglyMarked(doc), `seed ${seed}`).toBe(0);
      }
    }
    expect(wrongBefore).toBeGreaterThan(0);
  });

  it("are not touched where they are right", () => {
    const afternoon = new Afternoon(1);
    for (let turn = 0; turn < 5; turn++) afternoon.write(`run-${turn}`);
    const before = Y.encodeStateVector(afternoon.server);
    afternoon.mend();
    expect(Y.encodeStateVector(afternoon.server)).toEqual(before);
  });
});

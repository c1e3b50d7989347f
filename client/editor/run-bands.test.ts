import { expect, test } from "vitest";
import { documentFromDelta } from "./document-from-delta.ts";
import { keptBands, laidOut, runStretches } from "./run-bands.ts";
import { manuscriptSchema } from "./schema.ts";

const schema = manuscriptSchema();
const by = (run: string) => ({ run });
const idsOf = (delta: Parameters<typeof documentFromDelta>[1]) => {
  const doc = documentFromDelta(schema, delta);
  return runStretches(doc).map(({ runId, from, to }) => [runId, doc.textBetween(from, to, "|")]);
};

test("a person's words within a run's stay in its stretch, and so do its next paragraphs", () => {
  const stretches = idsOf([
    { insert: "Ana wrote. " },
    { insert: "The mill", attributes: by("a") },
    { insert: " quietly" },
    { insert: " turned.", attributes: by("a") },
    { insert: "\n\n" },
    { insert: "It rained.", attributes: by("a") },
    { insert: "\n" },
  ]);
  expect(stretches).toEqual([["a", "The mill quietly turned.||It rained."]]);
});

test("a person's paragraph, or a long passage, divides a run's words", () => {
  const passage = "and so on ".repeat(20);
  expect(
    idsOf([
      { insert: "one", attributes: by("a") },
      { insert: passage },
      { insert: "two", attributes: by("a") },
      { insert: "\nAna's own.\n" },
      { insert: "three", attributes: by("a") },
      { insert: "\n" },
    ]),
  ).toEqual([
    ["a", "one"],
    ["a", "two"],
    ["a", "three"],
  ]);
});

test("each run has its own, in the order of the text", () => {
  expect(
    idsOf([
      { insert: "one", attributes: by("a") },
      { insert: "two", attributes: by("b") },
      { insert: "\n" },
    ]),
  ).toEqual([
    ["a", "one"],
    ["b", "two"],
  ]);
});

test("bars that stand beside each other have lanes of their own; the lane is free again below", () => {
  const bands = [
    { runId: "a", top: 0, bottom: 100 },
    { runId: "b", top: 30, bottom: 60 },
    { runId: "c", top: 100, bottom: 130 },
  ];
  expect(laidOut(bands).map(({ lane }) => lane)).toEqual([0, 1, 0]);
});

test("a band that stands where it stood is the same object, and so are all of them together", () => {
  const bandsTo = (bottom: number) =>
    laidOut([
      { runId: "a", top: 0, bottom: 40 },
      { runId: "b", top: 60, bottom },
    ]);
  const first = keptBands([], bandsTo(80));
  expect(keptBands(first, bandsTo(80))).toBe(first);
  const grown = keptBands(first, bandsTo(100));
  expect(grown).not.toBe(first);
  expect(grown[0]).toBe(first[0]);
  expect(grown[1]).toEqual({ runId: "b", top: 60, bottom: 100, lane: 0 });
  expect(keptBands(grown, grown.slice(0, 1))).toEqual([first[0]]);
});

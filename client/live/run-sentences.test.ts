import { describe, expect, test } from "vitest";
import { type Run, runReasons } from "#shared/run.ts";
import { testRun } from "./live-fixtures.ts";
import { endingSentence, ordinal, runSentence } from "./run-sentences.ts";

const sentence = (
  run: Partial<Run> | null,
  view: Partial<Parameters<typeof runSentence>[0]> = {},
) =>
  runSentence({
    run: run === null ? null : testRun(run),
    connected: true,
    queuePosition: 0,
    rereading: false,
    accountId: "me",
    editedByReader: false,
    ...view,
  });

describe("a run is told in one plain sentence", () => {
  test("before the first run there is nothing to wait for", () => {
    expect(sentence(null)).toBe("Ready");
  });

  test("a place in the queue is an ordinal, and no place is no wait", () => {
    expect(sentence({ state: "queued" })).toBe("Starting…");
    expect(sentence({ state: "queued" }, { queuePosition: 2 })).toBe("Waiting, 2nd in line");
  });

  test("only whoever edited is told that it was their edit", () => {
    const rereading = { rereading: true };
    expect(sentence({ state: "streaming" })).toBe("Writing…");
    expect(sentence({ state: "streaming" }, rereading)).toBe("Reading an edit");
    expect(sentence({ state: "streaming" }, { ...rereading, editedByReader: true })).toBe(
      "Reading your edit",
    );
  });

  test("who paused or stopped is named, and oneself is you", () => {
    expect(sentence({ state: "paused", reason: "by_person" })).toBe("Paused by Ana");
    expect(sentence({ state: "stopped" })).toBe("Stopped by Ana");
    expect(sentence({ state: "stopped" }, { accountId: "ana" })).toBe("Stopped by you");
  });

  test("a run that a crash cut off says that it waits", () => {
    expect(sentence({ state: "paused", reason: "interrupted" })).toBe(
      "Interrupted by a restart. Your text is safe; resume when you like",
    );
    expect(sentence({ state: "paused", reason: "engine_lost" })).toBe(
      "The engine stopped. Your text is safe; resume when you like",
    );
  });

  test("each reason of a pause and of a failure has a sentence of its own kind", () => {
    for (const reason of runReasons) {
      expect(sentence({ state: "paused", reason })).toMatch(/^[A-Z].{10}/);
      expect(sentence({ state: "failed", reason })).toMatch(/^[A-Z].{10}/);
    }
  });

  test("an end says why it came and how much was written", () => {
    expect(sentence({ state: "finished", finishReason: "max_tokens", tokens: 1200 })).toBe(
      "Finished, 1,200 tokens written",
    );
    expect(sentence({ state: "finished", finishReason: "stop_string", tokens: 1 })).toBe(
      "Ended at a stop string, 1 token written",
    );
  });

  test("an end with a sentence says so, where no stop string can have been it", () => {
    const run = testRun({ state: "finished", finishReason: "stop_string", tokens: 40 });
    const sampling = { ...run.sampling, stopAt: "sentence" as const, minTokens: 30 };
    expect(sentence({ ...run, sampling })).toBe("Ended with a sentence, 40 tokens written");
    expect(endingSentence({ ...run, sampling }, "me")).toBe("With a sentence");
    expect(sentence({ ...run, sampling: { ...sampling, stop: ["x"] } })).toBe(
      "Ended at a stop string, 40 tokens written",
    );
  });

  test("a run that repeats itself says what to do about it", () => {
    expect(sentence({ state: "paused", reason: "loop" })).toBe(
      "Paused: it was repeating itself. Raise the temperature or a penalty, or change a sentence, then resume",
    );
  });

  test("without a connection nothing is said of the run", () => {
    expect(sentence({ state: "streaming" }, { connected: false })).toBe("Reconnecting…");
  });
});

test("ordinals are English, the teens too", () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 103].map(ordinal)).toEqual(
    "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 103rd".split(" "),
  );
});

test("a run of the past says how it ended, a live one that it writes", () => {
  const ending = (run: Partial<Run>) => endingSentence(testRun(run), "me");
  const ben = { id: "ben", name: "Ben" };
  expect(ending({ state: "streaming" })).toBe("Writing now");
  expect(ending({ state: "finished", finishReason: "max_tokens" })).toBe("At its length");
  expect(ending({ state: "finished", finishReason: "end_of_text" })).toBe(
    "The model ended its text",
  );
  expect(ending({ state: "stopped", finishReason: "stopped", changedBy: ben })).toBe(
    "Stopped by Ben",
  );
  expect(ending({ state: "paused", reason: "by_person", changedBy: ben })).toBe("Paused by Ben");
});

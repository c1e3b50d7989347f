import { describe, expect, test } from "vitest";
import { testRun, testStats } from "./live-fixtures.ts";
import { initialLiveState, type LiveEvent, reduceLive } from "./live-state.ts";
import { runFigures } from "./run-figures.ts";

const reread = { documentId: "document-1", runId: "run-1", position: "" };
const after = (...events: LiveEvent[]) => events.reduce(reduceLive, initialLiveState);
const joined: LiveEvent = { type: "joined", role: "editor", run: testRun() };

describe("what the page knows of a document, live", () => {
  test("joining brings the role and the run", () => {
    expect(after(joined)).toMatchObject({ link: "joined", role: "editor", run: { id: "run-1" } });
  });

  test("a refusal to join is kept as the server's sentence, until joining works", () => {
    const refused: LiveEvent = { type: "refused", sentence: "Not yours." };
    expect(after(refused)).toMatchObject({ link: "refused", refusal: "Not yours." });
    expect(after(refused, joined)).toMatchObject({ link: "joined", refusal: null });
  });

  test("while away the last run stays, and joining again brings what happened meanwhile", () => {
    const away = after(joined, { type: "away" });
    expect(away).toMatchObject({ link: "away", run: { state: "streaming" } });
    const paused = testRun({ state: "paused", reason: "interrupted" });
    expect(reduceLive(away, { ...joined, run: paused }).run?.state).toBe("paused");
  });

  test("reports and re-reads of another run change nothing", () => {
    const state = after(joined);
    const other = testStats({ runId: "run-0" });
    expect(reduceLive(state, { type: "stats", stats: other })).toBe(state);
    expect(reduceLive(state, { type: "reread", reread: { ...reread, runId: "run-0" } })).toBe(
      state,
    );
  });

  test("a run that is told twice changes nothing the second time, and keeps what is the same of it", () => {
    const state = after(joined);
    expect(reduceLive(state, { type: "run", run: testRun() })).toBe(state);
    const paused = reduceLive(state, { type: "run", run: testRun({ state: "paused" }) });
    expect(paused.run?.state).toBe("paused");
    expect(paused.run?.sampling).toBe(state.run?.sampling);
  });

  test("a new run forgets the reports of the last one", () => {
    const next = testRun({ id: "run-2" });
    const state = after(joined, { type: "stats", stats: testStats() }, { type: "run", run: next });
    expect(state.stats).toBeNull();
  });

  test("a re-read is shown until its own time is over, not until that of an earlier one", () => {
    const later = { ...reread };
    const state = after(joined, { type: "reread", reread }, { type: "reread", reread: later });
    expect(reduceLive(state, { type: "reread-over", reread }).reread).toBe(later);
    expect(reduceLive(state, { type: "reread-over", reread: later }).reread).toBeNull();
  });

  test("a pause ends the showing of a re-read", () => {
    const state = after(joined, { type: "reread", reread });
    expect(reduceLive(state, { type: "run", run: testRun({ state: "paused" }) }).reread).toBeNull();
  });

  test("losing the document is a role of null, which is not the same as not knowing it yet", () => {
    expect(initialLiveState.role).toBeUndefined();
    expect(after(joined, { type: "access", role: null }).role).toBeNull();
  });
});

describe("the run's figures", () => {
  test("while it writes, the newer of report and run counts", () => {
    expect(runFigures({ run: testRun({ tokens: 10 }), stats: testStats({ tokens: 12 }) })).toEqual({
      tokens: 12,
      contextTokens: 32,
      contextLimit: 512,
      tokensPerSecond: 40,
    });
  });

  test("at its end, the run's own numbers count and nothing is fast any more", () => {
    const run = testRun({ state: "finished", tokens: 200, contextTokens: 240 });
    expect(runFigures({ run, stats: testStats({ tokens: 158 }) })).toMatchObject({
      tokens: 200,
      contextTokens: 240,
      tokensPerSecond: undefined,
    });
  });

  test("there are none before the first run", () => {
    expect(runFigures({ run: null, stats: null })).toBeUndefined();
  });
});

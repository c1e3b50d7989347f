import { describe, expect, it } from "vitest";
import { changeStatus, illegalTransition, reasonsOf, statusOf } from "./run-status.ts";

describe("a run's status", () => {
  it("carries what belongs to its state, there and back to the row", () => {
    const paused = changeStatus({ state: "streaming" }, { event: "pause", reason: "by_person" });
    expect(paused).toEqual({ state: "paused", reason: "by_person" });
    const { finishReason, reason } = reasonsOf(paused);
    expect(statusOf("paused", finishReason, reason)).toEqual(paused);
    const failed = changeStatus({ state: "queued" }, { event: "fail", reason: "error" });
    expect(reasonsOf(failed)).toEqual({ finishReason: "error", reason: "error" });
  });

  it("R2: changes by the table alone", () => {
    expect(() => changeStatus({ state: "paused", reason: "loop" }, { event: "admit" })).toThrow(
      expect.objectContaining({ code: "illegal_transition", status: 409 }),
    );
    expect(() =>
      changeStatus({ state: "stopped", finishReason: "stopped" }, { event: "stop" }),
    ).toThrow("already stopped");
  });

  it("says what a person can do where a command does not fit", () => {
    expect(illegalTransition(undefined, "pause").message).toMatch(/Start one/);
    expect(illegalTransition("failed", "resume").message).toMatch(/Start a new one/);
  });
});

import { closeCodes } from "#shared/close-codes.ts";
import type { Frontier } from "./frontier.ts";
import { judgeUpdate, type Verdict } from "./guard.ts";
import type { KnownRuns } from "./known-runs.ts";

/** The guard's last word. */
export type FinalVerdict = Extract<Verdict, { kind: "accepted" | "nothing" | "refused" }>;

/**
 * Judges an update; where the guard misses something, looks once whether the database knows it:
 * runs, and what another server has written to the log. `catchUp` says whether there was anything.
 */
export async function judgeWithLookUps(
  update: Uint8Array,
  accountId: string,
  deps: { frontier: Frontier; knownRuns: KnownRuns; catchUp(): Promise<boolean> },
): Promise<FinalVerdict> {
  const { frontier, knownRuns } = deps;
  const judge = () => judgeUpdate(update, { accountId, frontier, isRun: knownRuns.has });
  let verdict = judge();
  if (verdict.kind === "notOurCopy" && (await deps.catchUp())) verdict = judge();
  if (verdict.kind === "unknownRuns") {
    await knownRuns.lookUp(verdict.runIds);
    verdict = judge();
  }
  switch (verdict.kind) {
    case "accepted":
    case "nothing":
    case "refused":
      return verdict;
    case "notOurCopy":
      return { kind: "refused", code: closeCodes.notOurCopy, reason: verdict.reason };
    case "unknownRuns":
      return { kind: "refused", code: closeCodes.malformed, reason: "no run of this document" };
  }
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "../server/database/database.ts";
import { migrate } from "../server/database/migrate.ts";
import type { Authorise } from "../server/sync/types.ts";
import { silent } from "../tests/support/pglite.ts";
import { besiege, drawSiegeClientId, noPace, type SiegeReport } from "../tests/support/siege.ts";
import { addAccount, authoriseFrom, startSyncServer } from "../tests/support/sync-server.ts";
import { atLeast, atMost, machine, median, percentile, type Report } from "./report.ts";

const framesOfRound = 10_000;
const linesAtOnce = 64;
const targets = { medianMs: 0.1, allocationMegabytes: 16 } as const;

/** A million mutated frames of real clients against live documents (with `--full`; else a tenth). */
export async function run({ full }: { full: boolean }): Promise<Report> {
  const rounds = full ? 100 : 10;
  const folder = await mkdtemp(join(tmpdir(), "palimpsest-guard-"));
  const database = await openDatabase({ dataDir: folder, logger: silent });
  await migrate(database, silent);
  try {
    return { bench: "guard", machine: machine(), rows: await measure(database, rounds) };
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(database: Database, rounds: number) {
  for (const account of ["ann", "ben", "cat", "wim"]) await addAccount(database, account);
  const authorise = rememberAnswers(authoriseFrom(database));
  const server = await startSyncServer(database, {
    incoming: noPace,
    authorise,
    drawClientId: drawSiegeClientId,
  });
  const crashes = countCrashes();
  const costs = new Costs();
  const reports: SiegeReport[] = [];
  const since = performance.now();
  for (let seed = 1; seed <= rounds; seed++) {
    const onJudged = (cost: { ms: number; bytes: number }) => costs.add(cost);
    const siege = { database, server, seed, frames: framesOfRound, lines: linesAtOnce, onJudged };
    const report = await besiege(siege);
    reports.push(report);
    for (const problem of report.problems) console.error(problem);
  }
  const seconds = (performance.now() - since) / 1000;
  await server.close();
  const sum = (of: (report: SiegeReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const limit = `frames that took more than ${targets.allocationMegabytes} MB to judge`;
  return [
    atLeast("mutated frames", "frames", costs.count, rounds * framesOfRound),
    atMost("crashes", "", crashes.stop(), 0),
    atMost("documents whose victim lost text, or could not go on", "", sum(problems), 0),
    atMost(limit, "frames", costs.large, 0),
    atMost("reading and judging a frame, median", "ms", median(costs.samples), targets.medianMs),
    atMost("reading and judging a frame, p99.9", "ms", percentile(costs.samples, 0.999), 10),
    atMost("the most that one took", "MB", costs.mostBytes / 2 ** 20, targets.allocationMegabytes),
    atLeast(
      "characters of the victims",
      "characters",
      sum(({ written }) => written),
      rounds,
    ),
    atLeast(
      "frames that were sound and came into the text",
      "frames",
      sum(({ accepted }) => accepted),
      rounds,
    ),
    atLeast(
      "connections closed for what they sent",
      "",
      sum(({ refused }) => refused),
      rounds,
    ),
    atLeast(
      "frames with all that follows: log, victim, new connections",
      "frames/s",
      costs.count / seconds,
      1,
    ),
  ];
}

/** Nobody's rights change here: asking the database for each new connection would be all it does. */
function rememberAnswers(authorise: Authorise): Authorise {
  const answers = new Map<string, ReturnType<Authorise>>();
  return (accountId, documentId) => {
    const key = `${accountId} ${documentId}`;
    const answer = answers.get(key) ?? authorise(accountId, documentId);
    answers.set(key, answer);
    return answer;
  };
}

const problems = (report: SiegeReport) => report.problems.length;

/** What judging frames cost. */
class Costs {
  readonly samples: number[] = [];
  count = 0;
  large = 0;
  mostBytes = 0;

  add({ ms, bytes }: { ms: number; bytes: number }): void {
    this.count += 1;
    this.samples.push(ms);
    this.mostBytes = Math.max(this.mostBytes, bytes);
    if (bytes > targets.allocationMegabytes * 2 ** 20) this.large += 1;
  }
}

/** What nobody catches would end a server. */
function countCrashes(): { stop(): number } {
  let count = 0;
  const onCrash = (error: unknown) => {
    count += 1;
    console.error(error);
  };
  process.on("uncaughtException", onCrash);
  process.on("unhandledRejection", onCrash);
  return {
    stop() {
      process.off("uncaughtException", onCrash);
      process.off("unhandledRejection", onCrash);
      return count;
    },
  };
}

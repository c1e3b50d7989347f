import { killRounds } from "../tests/support/kill-rounds.ts";
import { startServerProcess } from "../tests/support/server-process.ts";
import { atMost, machine, percentile, type Report } from "./report.ts";

/** Kills the server in mid-stream (20 times; 100 with --full) and counts what was lost. */
export async function run({ full }: { full: boolean }): Promise<Report> {
  const rounds = full ? 100 : 20;
  const server = await startServerProcess();
  try {
    const report = await killRounds(server, { rounds, seed: 1 });
    return {
      bench: "faults",
      machine: machine(),
      rows: [
        atMost(
          `kill -9 × ${rounds}: characters seen and lost`,
          "characters",
          report.lostCharacters,
          0,
        ),
        atMost(`kill -9 × ${rounds}: characters typed and lost`, "characters", report.lostTyped, 0),
        atMost("runs not found waiting (interrupted)", "runs", report.wronglyResumed, 0),
        atMost("ready again, slowest", "ms", Math.max(...report.readyMs), 5000),
        atMost("ready again, median", "ms", percentile(report.readyMs, 0.5), 5000),
      ],
    };
  } finally {
    await server.close();
  }
}

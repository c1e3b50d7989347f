import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killRounds } from "../support/kill-rounds.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";

describe("kill -9 in mid-stream", () => {
  // Two at once keep both cores busy: a server that starts again mostly uses one.
  let servers: ServerProcess[];
  beforeAll(async () => {
    const start = () => startServerProcess(undefined, { compiled: true });
    servers = [await start(), await start()];
  }, 120_000);
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  it("O4 S1 R9: 20 times, 0 characters that anyone saw are gone, and the run waits for a person", async () => {
    const seed = Number(process.env.FUZZ_SEED ?? 20);
    const reports = await Promise.all(
      servers.map((server, place) => killRounds(server, { rounds: 10, seed: seed + place })),
    );
    for (const report of reports) {
      expect(report, `seed ${seed}`).toMatchObject({
        rounds: 10,
        lostCharacters: 0,
        lostTyped: 0,
        wronglyResumed: 0,
      });
      expect(report.readyMs).toHaveLength(10);
      expect(report.seenCharacters).toBeGreaterThan(500);
    }
  }, 480_000);
});

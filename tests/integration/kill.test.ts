import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killRounds } from "../support/kill-rounds.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";

describe("kill -9 in mid-stream", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServerProcess(undefined, { compiled: true });
  }, 120_000);
  afterAll(() => server.close());

  it("O4 S1 R9: 20 times, 0 characters that anyone saw are gone, and the run waits for a person", async () => {
    const seed = Number(process.env.FUZZ_SEED ?? 20);
    const report = await killRounds(server, { rounds: 20, seed });
    expect(report, `seed ${seed}`).toMatchObject({
      rounds: 20,
      lostCharacters: 0,
      lostTyped: 0,
      wronglyResumed: 0,
    });
    expect(report.seenCharacters).toBeGreaterThan(1000);
  }, 480_000);
});

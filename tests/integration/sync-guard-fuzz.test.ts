import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { besiege, drawSiegeClientId, noPace } from "../support/siege.ts";
import { addAccount, type SyncServer, startSyncServer } from "../support/sync-server.ts";

const rounds = Number(process.env.FUZZ_SEEDS ?? 5);
const firstSeed = Number(process.env.FUZZ_FIRST_SEED ?? 1);
const framesOfRound = 2_000;

let store: TestDatabase;
let server: SyncServer;
beforeAll(async () => {
  store = await openTestDatabase();
  for (const account of ["ann", "ben", "cat", "wim"]) await addAccount(store.database, account);
  server = await startSyncServer(store.database, {
    incoming: noPace,
    drawClientId: drawSiegeClientId,
  });
});
afterAll(async () => {
  await server.close();
  await store.remove();
});

test(`S16 S15 S4: seeds ${firstSeed} to ${firstSeed + rounds - 1}: ${rounds * framesOfRound} bent frames of a real client take nothing of what somebody else wrote, and nobody else notices`, {
  timeout: Math.max(60_000, rounds * 15_000),
}, async () => {
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    const { database } = store;
    const report = await besiege({ database, server, seed, frames: framesOfRound, lines: 16 });
    expect(report.problems, `run again: FUZZ_FIRST_SEED=${seed} FUZZ_SEEDS=1`).toEqual([]);
    // A siege that refuses everything, or nothing, tries nothing.
    expect(report.accepted).toBeGreaterThan(40);
    expect(report.refused).toBeGreaterThan(500);
  }
});

test("S16: a seed that is run again besieges in the same way, to the last byte of the log", {
  timeout: 60_000,
}, async () => {
  const options = { seed: 1_000_000, frames: 500, lines: 16 };
  const first = await besiege({ ...options, database: store.database, server });
  const again = await openTestDatabase();
  for (const account of ["ann", "ben", "cat", "wim"]) await addAccount(again.database, account);
  const drawClientId = drawSiegeClientId;
  const other = await startSyncServer(again.database, { incoming: noPace, drawClientId });
  const second = await besiege({ ...options, database: again.database, server: other });
  await other.close();
  await again.remove();
  expect(second).toEqual(first);
});

import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRuntime } from "./open-runtime.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";

const weightsFile = join(talesFolder, "weights.bin");
const graphFiles = talesCard.graphs.map(({ file }) => join(talesFolder, file));

/** Bytes of this process's memory that no file backs. */
function ownMemory(): number {
  const report = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s+(\d+)/m.exec(report)?.[1]);
}

const weightsSize = statSync(weightsFile).size;

/** Opens several graphs; returns what the first took, and what all others together. */
async function openAndRelease(): Promise<[first: number, others: number]> {
  const { runtime } = await openRuntime("zero-copy");
  const before = ownMemory();
  const sessions = [await runtime.open(graphFiles[0] ?? "", 1)];
  const first = ownMemory();
  for (let i = 0; i < 6; i++) {
    sessions.push(await runtime.open(graphFiles[i % graphFiles.length] ?? "", 1));
  }
  const all = ownMemory();
  for (const session of sessions) await session.release();
  runtime.release();
  return [first - before, all - first];
}

test.runIf(process.platform === "linux")(
  "graphs with the same weights hold them in memory once, and give them back",
  async () => {
    const [first, others] = await openAndRelease();
    expect(first).toBeGreaterThan(weightsSize / 2);
    expect(others).toBeLessThan(6 * 0.75 * weightsSize);
    const repeat = async () => {
      for (let i = 0; i < 4; i++) await openAndRelease();
    };
    await repeat(); // The heap finds its size first.
    const before = ownMemory();
    await repeat();
    expect(ownMemory() - before).toBeLessThan(weightsSize);
  },
);

test("E7: a weights file that is shorter than its graph says is an error, not a crash", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weights-"));
  cpSync(talesFolder, folder, { recursive: true });
  truncateSync(join(folder, "weights.bin"), 1_000_000);
  const { runtime } = await openRuntime("zero-copy");
  const opened = runtime.open(join(folder, talesCard.graphs[0]?.file ?? ""), 1);
  await expect(opened).rejects.toThrow("The weights file is too short");
  runtime.release();
  rmSync(folder, { recursive: true });
});

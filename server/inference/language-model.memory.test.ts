import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadLanguageModel } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

/** Bytes of this process's memory that no file backs. */
function ownMemory(): number {
  const report = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s+(\d+)/m.exec(report)?.[1]);
}

test.runIf(process.platform === "linux")(
  "hundreds of steps of ever other lengths, in caches that come and go, take no more memory than a few",
  async () => {
    const { runtime } = await openRuntime();
    const model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
    await model.complete;
    const step = async (salt: number) => {
      const caches = Array.from({ length: 1 + (salt % 4) }, () => model.createCache());
      const rows = caches.map((cache, i) => {
        const tokens = someTokens(1 + ((salt * 7 + i * 13) % 16), salt);
        return { cache, past: 0, tokens, outputs: (salt + i) % 2 };
      });
      await model.run(rows);
      for (const cache of caches) cache.release();
    };
    for (let salt = 0; salt < 60; salt++) await step(salt);
    const before = ownMemory();
    for (let salt = 60; salt < 300; salt++) await step(salt);
    expect(ownMemory() - before).toBeLessThan(20_000_000);
    await model.release();
  },
  60_000,
);

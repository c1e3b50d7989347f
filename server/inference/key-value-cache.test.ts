import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KeyValueCache } from "./key-value-cache.ts";
import { openRuntime } from "./open-runtime.ts";
import { talesCard } from "./test-support/tales.ts";

/** Bytes of this process's memory that no file backs. */
function ownMemory(): number {
  const report = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s+(\d+)/m.exec(report)?.[1]);
}

test.runIf(process.platform === "linux")(
  "what a cache takes is free once it is released or has grown, before anything is collected",
  async () => {
    const { runtime } = await openRuntime();
    const before = ownMemory();
    const caches = Array.from({ length: 20 }, () => new KeyValueCache(runtime, talesCard));
    for (const cache of caches) {
      for (const tokens of [64, 128, 256, talesCard.contextTokens]) {
        cache.reserve(tokens);
        for (const { data } of cache.tensors) if (data instanceof Float32Array) data.fill(1);
      }
    }
    const bytes = caches.reduce((sum, cache) => sum + cache.bytes, 0);
    expect(ownMemory() - before).toBeGreaterThan(0.9 * bytes);
    expect(ownMemory() - before).toBeLessThan(1.3 * bytes);
    for (const cache of caches) cache.release();
    expect(ownMemory() - before).toBeLessThan(0.3 * bytes);
    runtime.release();
  },
);

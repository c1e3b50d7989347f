import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { KeyValueCache } from "./key-value-cache.ts";
import type { OnnxRuntime } from "./onnx-runtime.ts";
import { openRuntime } from "./open-runtime.ts";
import { talesCard } from "./test-support/tales.ts";

/** Bytes of this process's memory that no file backs. */
function ownMemory(): number {
  const report = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s+(\d+)/m.exec(report)?.[1]);
}

test("a cache that the system refuses memory has what it had, and can be asked again", () => {
  const endless = { layers: 1, heads: 1, headSize: 2 ** 36, contextTokens: 2 ** 10 };
  const runtime: OnnxRuntime = {
    kind: "binding",
    sharesWeights: false,
    open: () => Promise.reject(new Error("There is no graph.")),
    tensor: (data) => ({ data, released: false, release() {} }),
    release() {},
  };
  const cache = new KeyValueCache(runtime, endless);
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(() => cache.reserve(1)).toThrow(RangeError);
    expect([cache.capacity, cache.bytes, cache.tensors]).toEqual([0, 0, []]);
  }
});

/** What the heap and its compiler may take or give back meanwhile. */
const noiseBytes = 16_000_000;

test.runIf(process.platform === "linux")(
  "a cache takes as much as it says while it grows, and nothing once it is released",
  async () => {
    const { runtime } = await openRuntime("zero-copy");
    const { heads, headSize, contextTokens } = talesCard;
    const caches = Array.from({ length: 60 }, () => new KeyValueCache(runtime, talesCard));
    const release = () => {
      for (const cache of caches) cache.release();
    };
    onTestFinished(() => {
      release();
      runtime.release();
    });
    const before = ownMemory();
    let bytes = 0;
    for (const tokens of [64, 128, 256, contextTokens]) {
      for (const cache of caches) {
        cache.reserve(tokens);
        for (const { data } of cache.tensors) {
          const room = data.length / (heads * headSize);
          for (let head = 0; head < heads; head++) {
            const start = head * room * headSize;
            if (data instanceof Float32Array) data.fill(1, start, start + tokens * headSize);
          }
        }
      }
      bytes = caches.reduce((sum, cache) => sum + cache.bytes, 0);
      expect(ownMemory() - before).toBeGreaterThan(0.95 * bytes - noiseBytes);
      expect(ownMemory() - before).toBeLessThan(1.2 * bytes + noiseBytes);
    }
    release();
    expect(ownMemory() - before).toBeLessThan(0.1 * bytes + noiseBytes);
  },
);

import { randomModelShapes } from "../random-model.ts";
import { atLeast, atMost, median, type Row } from "../report.ts";
import type { ContestantName } from "./contestant.ts";
import { measureMemoryBandwidth } from "./memory-bandwidth.ts";
import type { Samples } from "./side-by-side.ts";

const { vocabulary, width, layers } = randomModelShapes.gpt2;
/** Every weight but those of the positions, of which a token needs one row. */
const weights = vocabulary * width + layers * (12 * width ** 2 + 13 * width) + 2 * width;
const past = 256;

/** The least that a token must read: each weight once, and the keys and values of what is before it. */
function bytesOfToken(bytesPerWeight: number, bytesPerKeyOrValue: number): number {
  return weights * bytesPerWeight + past * 2 * layers * width * bytesPerKeyOrValue;
}

/** Bytes of a weight, and of a key or value, of each; llama.cpp has a half float for each 32 weights. */
const sizes: Readonly<Record<ContestantName, readonly [weight: number, keyOrValue: number]>> = {
  "ours-int8": [1, 4],
  "ours-fp32": [4, 4],
  "llama.cpp f32": [4, 2],
  "llama.cpp q8_0": [34 / 32, 2],
  "llama.cpp q4_0": [18 / 32, 2],
  "transformers.js fp32": [4, 4],
  "transformers.js q8": [1, 4],
};

/** How near to the speed of memory one stream comes, at 256 tokens before it. */
export async function boundRows(
  measured: ReadonlyMap<ContestantName, Samples>,
  threads: number,
): Promise<Row[]> {
  const gigabytes = await measureMemoryBandwidth(threads);
  const shareOf = (name: ContestantName) => {
    const samples = measured.get(name);
    if (samples === undefined) return Number.NaN;
    const boundMs = bytesOfToken(...sizes[name]) / gigabytes / 1e6;
    return (100 * boundMs) / median(samples.decode[past]);
  };
  const others = (names: readonly ContestantName[]) =>
    Object.fromEntries(names.filter((name) => measured.has(name)).map((n) => [n, shareOf(n)]));
  const what = `share of the memory bound at ${past}`;
  return [
    { ...atMost(`memory read by ${threads} threads`, "GB/s", gigabytes, Infinity), target: "–" },
    {
      ...atLeast(`int8: ${what}`, "%", shareOf("ours-int8"), 65),
      peers: others(["llama.cpp q8_0", "llama.cpp q4_0", "transformers.js q8"]),
    },
    {
      ...atLeast(`fp32: ${what}`, "%", shareOf("ours-fp32"), 65),
      peers: others(["llama.cpp f32", "transformers.js fp32"]),
    },
  ];
}

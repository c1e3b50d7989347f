import { describe, expect, test } from "vitest";
import type { ModelJob } from "#shared/models.ts";
import {
  describeJob,
  describeModelCheck,
  describeQuality,
  describeUnusable,
  describeUse,
  inParameters,
} from "./model-words.ts";

const job: ModelJob = {
  id: "1",
  repository: "openai-community/gpt2",
  modelId: "gpt2",
  state: "running",
  step: "downloading",
  done: 100e6,
  total: 550e6,
  bytesPerSecond: 9e6,
  problem: null,
};

test("parameters in millions and billions", () => {
  expect([20_200, 3_540_000, 124_439_808, 1_557_611_200].map(inParameters)).toEqual([
    "20 k",
    "3.54 M",
    "124 M",
    "1.6 B",
  ]);
});

describe("quality in words", () => {
  const quality = (meanKl: number) => ({ meanKl, top1Agreement: 0.99, tokens: 1000 });
  test.each([
    [2.3e-4, "indistinguishable from the original: mean KL 2.3e-4"],
    [6e-3, "very close to the original: mean KL 6.0e-3"],
    [0.02, "close to the original: mean KL 2.0e-2"],
    [0.3, "noticeably different from the original: mean KL 0.3"],
  ])("%d", (meanKl, words) => {
    expect(describeQuality({ precision: "int8", quality: quality(meanKl) })).toBe(words);
  });
  test("not measured", () => {
    expect(describeQuality({ precision: "fp32", quality: null })).toContain("own numbers");
    expect(describeQuality({ precision: "int8", quality: null })).toBe("not measured");
  });
});

test("how far a download is, how fast and how long still", () => {
  expect(describeJob(job)).toBe("Downloading, 100 MB of 550 MB, 9.0 MB/s, 50 s left");
  expect(describeJob({ ...job, bytesPerSecond: null })).toBe("Downloading, 100 MB of 550 MB");
  expect(describeJob({ ...job, bytesPerSecond: 1e5 })).toMatch(/1\.3 h left$/);
  expect(describeJob({ ...job, step: "measuring" })).toMatch(/^Measuring/);
});

test("E34: what to do about a model that cannot be used, the default too", () => {
  const problem = "It has no card. Remove it.";
  expect(describeUnusable({ problem, default: false })).toBe(
    "It cannot be used; the other models write on. It has no card. Remove it.",
  );
  expect(describeUnusable({ problem, default: true })).toMatch(
    /make another one the default first/,
  );
});

test("who uses a model, and whether its files are whole", () => {
  const here = { available: true, problem: null };
  expect(describeUse({ ...here, liveRuns: 0, inUse: 0 })).toBe("");
  expect(describeUse({ ...here, liveRuns: 1, inUse: 1 })).toBe("1 run");
  expect(describeUse({ ...here, liveRuns: 3, inUse: 1 })).toBe("3 runs");
  const away = { available: false, problem: null, inUse: 0 };
  expect(describeUse({ ...away, liveRuns: 0 })).toBe("its engine is away");
  expect(describeUse({ ...away, liveRuns: 2 })).toBe("2 runs; its engine is away");
  expect(describeModelCheck({ files: 9, damaged: [], unknown: [] })).toMatch(/^Whole/);
  const damaged = [{ file: "weights.bin", problem: "it is missing" }];
  expect(describeModelCheck({ files: 9, damaged, unknown: [] })).toContain("weights.bin");
});

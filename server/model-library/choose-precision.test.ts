import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChoiceSteps, choosePrecision } from "./choose-precision.ts";
import type { Measurement } from "./measurement.ts";
import type { Precision } from "./precision.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "choice-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Findings = Partial<Record<Precision, [kl: number, speed: number] | string>>;

/** Steps whose measurements are given; a string is why one fails. */
function steps(findings: Findings, more: Partial<ChoiceSteps> = {}): ChoiceSteps {
  return {
    async convert(precision) {
      const target = join(folder, precision);
      await mkdir(target);
      return { folder: target, precision, bytes: 1, graphs: [], files: {} };
    },
    async measure({ precision }): Promise<Measurement> {
      const found = findings[precision] ?? "it was not to be measured";
      if (typeof found === "string") throw new Error(found);
      const [meanKl, speed] = found;
      return {
        quality: { meanKl, top1Agreement: 1, tokens: 10 },
        speed: { oneStream: speed, eightStreams: speed },
      };
    },
    ...more,
  };
}

test.each<[string, Findings, Precision]>([
  ["int8 where it is near enough", { fp32: [0, 9], int8: [1e-3, 1] }, "int8"],
  [
    "int8-block32 where that is near enough and int8 is not",
    { fp32: [0, 1], int8: [2e-3, 9], "int8-block32": [5e-4, 2] },
    "int8-block32",
  ],
  [
    "the smaller one where neither is clearly faster",
    { fp32: [0, 1.05], int8: [2e-3, 9], "int8-block32": [5e-4, 1] },
    "int8-block32",
  ],
  [
    "fp32 where that is the faster one",
    { fp32: [0, 2], int8: [2e-3, 9], "int8-block32": [5e-4, 1] },
    "fp32",
  ],
  [
    "fp32 where nothing else is near enough",
    { fp32: [0, 1], int8: [2e-3, 9], "int8-block32": [1.1e-3, 9] },
    "fp32",
  ],
  [
    "what can be measured where something cannot",
    { fp32: [0, 1], int8: "its process ended with SIGFPE", "int8-block32": [1e-4, 9] },
    "int8-block32",
  ],
])("E28: takes %s, and keeps nothing else", async (_, findings, expected) => {
  const { chosen, rejected } = await choosePrecision(steps(findings));
  expect(chosen.precision).toBe(expected);
  expect(await readdir(folder)).toEqual([expected]);
  const tried = { int8: ["int8"], "int8-block32": ["int8"], fp32: ["int8", "int8-block32"] };
  const before = expected === "int8" ? [] : tried[expected];
  expect(rejected.map(({ precision }) => precision)).toEqual(before);
});

test("E28: what a person wants is taken, whatever it measures, and measured all the same", async () => {
  const findings: Findings = { fp32: [0, 1], int8: [0.5, 1] };
  const { chosen } = await choosePrecision(steps(findings, { wanted: "int8" }));
  expect(chosen.precision).toBe("int8");
  expect(chosen.measurement?.quality?.meanKl).toBe(0.5);
  expect(await readdir(folder)).toEqual(["int8"]);
});

test("E28: what is wanted and cannot be measured is taken with the reason", async () => {
  const { chosen } = await choosePrecision(
    steps({ fp32: "its process ended with SIGKILL" }, { wanted: "int8-block32" }),
  );
  expect(chosen).toMatchObject({
    precision: "int8-block32",
    unmeasured: "its process ended with SIGKILL",
  });
  expect(await readdir(folder)).toEqual(["int8-block32"]);
});

test("E28: where fp32 does not fit, int8-block32 is taken unless a person wants another", async () => {
  const obstacle = "fp32 takes 13 GB of memory, 8 GB were free";
  const { chosen } = await choosePrecision(steps({}, { obstacle }));
  expect(chosen).toMatchObject({ precision: "int8-block32", unmeasured: obstacle });
  await rm(chosen.folder, { recursive: true });
  const wanted = await choosePrecision(steps({}, { obstacle, wanted: "int8" }));
  expect(wanted.chosen).toMatchObject({ precision: "int8", unmeasured: obstacle });
});

test("nothing is chosen without a measured fp32, and nothing after a signal", async () => {
  await expect(choosePrecision(steps({ fp32: "out of memory" }))).rejects.toThrow("out of memory");
  await rm(join(folder, "fp32"), { recursive: true });
  const controller = new AbortController();
  const stopped = steps({ fp32: [0, 1] }, { signal: controller.signal });
  const measure = stopped.measure;
  stopped.measure = async (model) => {
    if (model.precision === "int8") controller.abort(new Error("enough"));
    return measure(model);
  };
  await expect(choosePrecision(stopped)).rejects.toThrow("enough");
  expect(existsSync(join(folder, "int8-block32"))).toBe(false);
});

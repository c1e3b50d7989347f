import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ImportProgress, type ImportRequest, importModel } from "./import-model.ts";
import { readManifest } from "./manifest.ts";
import { createMeasure, type Measure } from "./measure-model.ts";
import { tinyConfig, tinySource, writeSource } from "./test-support/model-source.ts";

let folder: string;
let modelsDir: string;
let source: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "breaks-"));
  modelsDir = join(folder, "models");
  source = await writeSource(join(folder, "tiny"), tinySource());
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const measure: Measure = async () => ({ speed: { oneStream: 1, eightStreams: 1 } });
const start = (more: Partial<ImportRequest> = {}) =>
  importModel({ source, modelsDir, id: "tiny", precision: "int8", measure, ...more });
const nothingIsLeft = async () =>
  expect(existsSync(modelsDir) ? await readdir(modelsDir) : []).toEqual([]);

test("E30: of two imports under one name one wins and the other is told, at once or later", async () => {
  const results = await Promise.allSettled([start(), start()]);
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const refused = results.find((result) => result.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "model_being_imported" });
  await expect(start()).rejects.toThrow("a model has it already");
  expect(readManifest(modelsDir)).toEqual({ default: "tiny", models: ["tiny"] });
  expect((await readdir(modelsDir)).toSorted()).toEqual([".manifest.json", "tiny"]);
});

test("E30: many imports at once under names of their own are all in the manifest", async () => {
  const ids = ["a", "b", "c", "d", "e", "f"];
  await Promise.all(ids.map((id) => start({ id })));
  expect(readManifest(modelsDir).models.toSorted()).toEqual(ids);
});

test("E29 E30: an import that is told to stop ends with the reason wherever it is", async () => {
  for (const step of ["checking", "converting", "measuring"] as const) {
    const controller = new AbortController();
    const onProgress = (progress: ImportProgress) => {
      if (progress.step === step) controller.abort(new Error(`stopped while ${step}`));
    };
    const waits: Measure = async ({ onProgress: told, signal }) => {
      told(1, 2);
      signal?.throwIfAborted();
      return { speed: { oneStream: 1, eightStreams: 1 } };
    };
    const stopped = start({ onProgress, signal: controller.signal, measure: waits });
    await expect(stopped).rejects.toThrow(`stopped while ${step}`);
    await nothingIsLeft();
  }
});

test("E30: what a dead process left is removed, and the name is free again", async () => {
  for (const id of ["tiny", "other"]) {
    await mkdir(join(modelsDir, `.import-${id}/fp32`), { recursive: true });
    const dead = { pid: 2 ** 30, host: (await import("node:os")).hostname(), process: "0" };
    await writeFile(join(modelsDir, `.import-${id}.lock`), JSON.stringify(dead));
    await writeFile(join(modelsDir, `.import-${id}/fp32/weights.bin`), "half");
  }
  await start();
  expect((await readdir(modelsDir)).toSorted()).toEqual([".manifest.json", "tiny"]);
});

test("E30: what another living process imports is left alone", async () => {
  const first = start({
    id: "slow",
    measure: () =>
      new Promise((resolve) =>
        setTimeout(resolve, 300, { speed: { oneStream: 1, eightStreams: 1 } }),
      ),
  });
  await vi.waitFor(() => expect(existsSync(join(modelsDir, ".import-slow"))).toBe(true));
  await start();
  await first;
  expect(readManifest(modelsDir).models.toSorted()).toEqual(["slow", "tiny"]);
});

test("E30: a model that cannot be announced in the manifest is gone, and its name is free", async () => {
  await mkdir(join(modelsDir, ".manifest.json.new"), { recursive: true });
  await expect(start()).rejects.toMatchObject({ code: "EISDIR" });
  expect(await readdir(modelsDir)).toEqual([".manifest.json.new"]);
  await rm(join(modelsDir, ".manifest.json.new"), { recursive: true });
  await start();
  expect(readManifest(modelsDir).models).toEqual(["tiny"]);
});

test("E30: killed at any moment, an import leaves nothing that the next one stumbles over", async () => {
  const script = join(folder, "import.mjs");
  const importer = new URL("./import-model.ts", import.meta.url).href;
  const order = { source, modelsDir, id: "tiny", precision: "int8" };
  await writeFile(
    script,
    `import fs from "node:fs/promises";
     import { syncBuiltinESMExports } from "node:module";
     const [step, kind, part] = process.argv.slice(2);
     const die = () => process.kill(process.pid, "SIGKILL");
     for (const name of ["rename", "writeFile", "mkdir"]) {
       const real = fs[name];
       fs[name] = async (...parts) => {
         const meant = name === kind && String(parts[0]).includes(part);
         if (meant && step === "before") die();
         const result = await real(...parts);
         if (meant) die();
         return result;
       };
     }
     syncBuiltinESMExports();
     const { importModel } = await import(${JSON.stringify(importer)});
     const measure = async () => ({ speed: { oneStream: 1, eightStreams: 1 } });
     await importModel({ ...${JSON.stringify(order)}, measure });`,
  );
  for (const [step, kind, part] of [
    ["after", "mkdir", "/.import-tiny"],
    ["before", "writeFile", "card.json"],
    ["after", "rename", "/int8"],
    ["before", "rename", ".manifest.json.new"],
  ] as const) {
    const child = fork(script, [step, kind, part], {
      execArgv: ["--import", "tsx"],
      stdio: "ignore",
    });
    const signal = await new Promise((resolve) => child.once("exit", (_, name) => resolve(name)));
    expect({ part, signal }).toEqual({ part, signal: "SIGKILL" });
    expect(readManifest(modelsDir).models).toEqual([]);
  }
  await start();
  expect((await readdir(modelsDir)).toSorted()).toEqual([".manifest.json", "tiny"]);
});

test("E30: a folder that is no model keeps its name", async () => {
  await mkdir(join(modelsDir, "tiny"), { recursive: true });
  await expect(start()).rejects.toThrow("is there that is no model");
  expect(await readdir(modelsDir)).toEqual(["tiny"]);
});

test("E30: a disk that is full before or while it is written to is refused with what is needed", async () => {
  const probe = await open(join(source, "config.json"));
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  const write = vi.spyOn(Object.getPrototypeOf(probe) as typeof probe, "write");
  await probe.close();
  write.mockRejectedValueOnce(full);
  const importing = start();
  await expect(importing).rejects.toMatchObject({ code: "disk_full", status: 503 });
  await expect(importing).rejects.toThrow(/needs \d+ MB on the disk of .*models/);
  await nothingIsLeft();
});

test("E30: what cannot fit on the disk is refused before anything of it is read", async () => {
  // Four terabytes of zeros, of which no disk holds a byte.
  const huge = { n_embd: 16_384, n_layer: 256, n_head: 128, n_inner: 65_536 };
  const { n_embd: width, n_layer: layers, n_inner: inner } = huge;
  const table: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> = {};
  let end = 0;
  const add = (name: string, shape: number[]) => {
    const bytes = shape.reduce((product, size) => product * size, 4);
    table[name] = { dtype: "F32", shape, data_offsets: [end, end + bytes] };
    end += bytes;
  };
  const pair = (name: string, weight: number[], bias: number) => {
    add(`${name}.weight`, weight);
    add(`${name}.bias`, [bias]);
  };
  add("wte.weight", [tinyConfig.vocab_size, width]);
  add("wpe.weight", [tinyConfig.n_positions, width]);
  for (let layer = 0; layer < layers; layer++) {
    pair(`h.${layer}.ln_1`, [width], width);
    pair(`h.${layer}.attn.c_attn`, [width, 3 * width], 3 * width);
    pair(`h.${layer}.attn.c_proj`, [width, width], width);
    pair(`h.${layer}.ln_2`, [width], width);
    pair(`h.${layer}.mlp.c_fc`, [width, inner], inner);
    pair(`h.${layer}.mlp.c_proj`, [inner, width], width);
  }
  pair("ln_f", [width], width);
  const json = Buffer.from(JSON.stringify(table));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(join(source, "model.safetensors"), Buffer.concat([length, json]));
  await truncate(join(source, "model.safetensors"), 8 + json.length + end);
  await writeFile(join(source, "config.json"), JSON.stringify({ ...tinyConfig, ...huge }));
  const importing = start({ precision: undefined });
  await expect(importing).rejects.toMatchObject({ code: "disk_full" });
  await expect(importing).rejects.toThrow(/needs \d+ (GB|TB)|needs \d\.\d TB/);
  await nothingIsLeft();
});

test("E28 E30: a process that crashes while it measures costs the import, or only the figures", async () => {
  const script = join(folder, "crash.mjs");
  await writeFile(script, "process.abort();");
  const crashes = createMeasure(() => fork(script, { execArgv: [], stdio: "ignore" }));
  const unmeasured = start({ precision: undefined, measure: crashes });
  await expect(unmeasured).rejects.toThrow(/could not be measured: its process ended with SIGABRT/);
  await nothingIsLeft();
  const card = await start({ measure: crashes });
  expect(card.unmeasured).toMatch(/its process ended with/);
  expect(card.quality).toBeUndefined();
});

test("E29: a process that measures is stopped with the import", async () => {
  const controller = new AbortController();
  const script = join(folder, "wait.mjs");
  await writeFile(script, "setInterval(() => {}, 1000);");
  let exited: Promise<unknown> | undefined;
  const waits = createMeasure(() => {
    const child = fork(script, { execArgv: [], stdio: "ignore" });
    exited = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    setTimeout(() => controller.abort(new Error("enough")), 50);
    return child;
  });
  const importing = start({ measure: waits, signal: controller.signal });
  await expect(importing).rejects.toThrow("enough");
  expect(await exited).toBe("SIGKILL");
  await nothingIsLeft();
});

test("E29: progress goes from nothing to all of each step, and others get their turn meanwhile", async () => {
  const sizes = { vocab_size: 20_001, n_embd: 256, n_head: 8, n_inner: 1_024 };
  source = await writeSource(join(folder, "larger"), tinySource(sizes));
  const told: ImportProgress[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await start({ onProgress: (progress) => void told.push(progress) });
  delay.disable();
  const steps = [...new Set(told.map(({ step }) => step))];
  expect(steps).toEqual(["checking", "converting", "finishing"]);
  for (const step of steps) {
    const shares = told.filter((progress) => progress.step === step);
    expect(shares.at(-1)?.done).toBe(shares.at(-1)?.total);
  }
  // Slices take a few milliseconds each; a machine that is busy elsewhere may double that.
  expect(delay.percentile(95) / 1e6).toBeLessThan(50);
});

import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createImportProcess } from "./import-process.ts";
import { readManifest } from "./manifest.ts";
import { safetensors, tinySource, tinyTensors, writeSource } from "./test-support/model-source.ts";

let folder: string;
let modelsDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-process-"));
  modelsDir = join(folder, "models");
});
afterEach(() => rm(folder, { recursive: true }));

const importing = (source: string, signal: AbortSignal, steps: string[] = []) =>
  createImportProcess()({
    source,
    modelsDir,
    id: "tiny",
    makeDefault: false,
    onProgress: ({ step }) => void steps.push(step),
    signal,
  });

test("E16: a model is converted beside the server, which is told each step", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  const steps: string[] = [];
  const card = await importing(source, new AbortController().signal, steps);
  expect(card).toMatchObject({ id: "tiny", contextTokens: 24, licence: "apache-2.0" });
  expect(readManifest(modelsDir).models).toEqual(["tiny"]);
  expect(new Set(steps)).toContain("converting");
});

test("E7: what is refused there is refused here with the same words", async () => {
  const tensors = tinyTensors();
  delete tensors["transformer.ln_f.bias"];
  const broken = { ...tinySource(), "model.safetensors": safetensors(tensors) };
  const source = await writeSource(join(folder, "tiny"), broken);
  await expect(importing(source, new AbortController().signal)).rejects.toMatchObject({
    code: "model_refused",
    message: expect.stringContaining("ln_f.bias"),
  });
});

test("E16: one that is stopped leaves nothing behind and ends with the reason", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  const stop = new AbortController();
  const reason = new Error("enough");
  const running = importing(source, stop.signal);
  stop.abort(reason);
  await expect(running).rejects.toBe(reason);
  expect(readManifest(modelsDir).models).toEqual([]);
  const left = await readdir(modelsDir).catch(() => []);
  expect(left.filter((name) => !name.endsWith(".lock"))).toEqual([]);
});

test("E8: a process that ends in its midst is said with what to do", async () => {
  // Of a process, what the other side listens to and asks.
  const worker = Object.assign(new EventEmitter(), { connected: false }) as unknown as ChildProcess;
  const running = createImportProcess(() => worker)({
    source: "",
    modelsDir,
    id: "tiny",
    makeDefault: false,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  worker.emit("exit", null, "SIGKILL");
  await expect(running).rejects.toMatchObject({
    code: "import_interrupted",
    message: expect.stringContaining("SIGKILL"),
  });
});

test.each([
  ["says nothing", "", "enough"],
  ["says what nobody understands", "process.send('nonsense');", "invalid_type"],
  ["has said its last word", "process.send({ type: 'failed', message: 'gone' });", "gone"],
])("E16: one that never ends is ended: it %s", async (_, program, message) => {
  const script = join(folder, "stuck.mjs");
  await writeFile(script, `${program} setInterval(() => {}, 1000);`);
  const stop = new AbortController();
  const running = createImportProcess(
    () => fork(script, { execArgv: [], stdio: "ignore" }),
    50,
  )({
    source: "",
    modelsDir,
    id: "tiny",
    makeDefault: false,
    onProgress: () => {},
    signal: stop.signal,
  });
  if (program === "") stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow(message);
});

test("E16: one that cannot be started is an error, and nobody waits for its end", async () => {
  const nowhere = { execPath: join(folder, "no-such-program"), stdio: "ignore" } as const;
  const running = createImportProcess(() => fork("nothing.mjs", nowhere))({
    source: "",
    modelsDir,
    id: "tiny",
    makeDefault: false,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  await expect(running).rejects.toThrow("ENOENT");
});

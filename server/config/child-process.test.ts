import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startWorker } from "../inference/engine-worker.ts";
import { talesFolder } from "../inference/test-support/tales.ts";
import { createImportProcess } from "../model-library/import-process.ts";
import { createMeasure } from "../model-library/measure-model.ts";

const secrets = {
  DATABASE_URL: "postgres://palimpsest:secret@database/palimpsest",
  SMTP_URL: "smtp://palimpsest:secret@mail",
  HUB_TOKEN: "hf_secret",
  ENGINES_FILE: "/etc/palimpsest/secret.json",
  NODE_AUTH_TOKEN: "npm_secret",
  PGPASSWORD: "secret",
  SOME_KEY: "secret",
};

/** The last two tune memory, the C library's own or one that is put in its place. */
const needs = {
  TZ: "Europe/Vienna",
  LC_TIME: "C",
  UV_THREADPOOL_SIZE: "5",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_CONF: "background_thread:true",
};

let folder: string;
const children: ChildProcess[] = [];
// Node publishes each child as it makes it.
const remember = (message: unknown) =>
  void children.push((message as { process: ChildProcess }).process);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "child-process-"));
  for (const [name, value] of Object.entries(secrets)) vi.stubEnv(name, value);
  for (const [name, value] of Object.entries(needs)) vi.stubEnv(name, value);
  subscribe("child_process", remember);
});
afterEach(async () => {
  unsubscribe("child_process", remember);
  children.length = 0;
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const nothing = new AbortController().signal;
const starting: [string, () => unknown][] = [
  ["an engine", () => startWorker({ modelFolder: talesFolder, places: 1, memoryBytes: 2 ** 20 })],
  [
    "an import",
    () =>
      createImportProcess()({
        source: join(folder, "nowhere"),
        modelsDir: folder,
        id: "one",
        makeDefault: false,
        onProgress: () => {},
        signal: nothing,
      }).catch(() => undefined),
  ],
  [
    "a measurement",
    () => createMeasure()({ folder, reference: null, onProgress: () => {} }).catch(() => undefined),
  ],
];

// Where the system tells what a process was started with.
test.skipIf(!existsSync("/proc/self/environ")).each(starting)(
  "E32: %s is started without the server's secrets, and with what it needs",
  async (_, start) => {
    const ended = start();
    const [child] = children;
    const environment = readFileSync(`/proc/${child?.pid}/environ`, "utf8").split("\0");
    const names = environment.map((line) => line.split("=")[0]);
    expect(environment.join("\n")).not.toContain("secret");
    expect(names).not.toContain("DATABASE_URL");
    expect(names).toContain("PATH");
    for (const need of Object.entries(needs)) expect(environment).toContain(need.join("="));
    const gone = child && once(child, "exit");
    child?.kill("SIGKILL");
    await gone;
    await ended;
  },
);

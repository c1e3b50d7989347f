import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compiledServer } from "./compiled-server.ts";
import { freePort } from "./free-port.ts";
import { copyEmptyDatabase } from "./pglite.ts";

const root = resolve(import.meta.dirname, "../..");

export interface ServerProcess {
  readonly url: string;
  readonly dataDir: string;
  /** Everything that it has printed. */
  output(): string;
  /** Kills it without a chance to tidy up, and waits until it is gone. */
  killHard(): Promise<void>;
  /** Asks it to stop, and waits until it has. Resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Starts it again on the same port and data. Resolves with the milliseconds until it was ready. */
  start(): Promise<number>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

async function waitUntilReady(url: string, child: ChildProcess, output: () => string) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server stopped at start:\n${output()}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`the server was not ready within a minute:\n${output()}`);
}

export interface ServerProcessOptions {
  /** Whether the folder is empty, so that it has to make a database (seconds). */
  firstStart?: boolean;
  /** Whether it runs compiled, which starts in a fraction of the time, or as `npm start` runs it. */
  compiled?: boolean;
}

/**
 * Starts the real server as `npm start` does, or compiled, in a process of its own with data of its
 * own: a migrated, empty database unless it is its first start.
 */
export async function startServerProcess(
  environment: (url: string) => Record<string, string> = () => ({}),
  { firstStart = false, compiled = false }: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = firstStart
    ? await mkdtemp(join(tmpdir(), "palimpsest-"))
    : await copyEmptyDatabase();
  const program = compiled ? await compiledServer("main") : "scripts/start.mjs";
  let printed = "";
  let child: ChildProcess | undefined;

  const gone = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  };
  const server: ServerProcess = {
    url,
    dataDir,
    output: () => printed,
    killHard: () => gone("SIGKILL"),
    async stop() {
      await gone("SIGTERM");
      return child?.exitCode ?? null;
    },
    async start() {
      const started = performance.now();
      child = spawn(process.execPath, [program], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          PORT: String(port),
          DATA_DIR: dataDir,
          NODE_ENV: "",
          ...environment(url),
        },
      });
      for (const stream of [child.stdout, child.stderr])
        stream?.on("data", (bytes: Buffer) => {
          printed += bytes.toString();
        });
      await waitUntilReady(url, child, () => printed);
      return performance.now() - started;
    },
    async close() {
      await gone("SIGTERM");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

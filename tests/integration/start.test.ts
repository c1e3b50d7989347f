import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compiledServer } from "../support/compiled-server.ts";
import { freePort } from "../support/free-port.ts";
import { demonstrationPassword, signIn } from "../support/person.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";

const root = resolve(import.meta.dirname, "../..");

/** Runs the server until it ends by itself; what a person at the terminal would see. */
async function startAndFail(environment: Record<string, string>, program?: string) {
  const dataDir = await mkdtemp(join(tmpdir(), "palimpsest-"));
  const child = spawn(process.execPath, [program ?? (await compiledServer("main"))], {
    cwd: root,
    env: {
      ...process.env,
      NODE_ENV: "",
      DATA_DIR: dataDir,
      PORT: String(await freePort()),
      ...environment,
    },
  });
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors += bytes.toString();
  });
  child.stdout.resume();
  const [code] = await once(child, "exit");
  await rm(dataDir, { recursive: true, force: true });
  return { code: code as number | null, lines: errors.trim().split("\n") };
}

describe("a start that cannot succeed", () => {
  it("O3: says that the port is in use, in one line", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const { code, lines } = await startAndFail({ PORT: String(address.port) }, "scripts/start.mjs");
    other.close();
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(String(address.port));
  });

  it.each<[Record<string, string>, string]>([
    [{ PORT: "many" }, "PORT"],
    [{ PALIMPSEST_COLOUR: "red" }, "PALIMPSEST_COLOUR"],
    [{ LOG_LEVEL: "shout" }, "LOG_LEVEL"],
    [{ NODE_ENV: "production" }, "PUBLIC_ORIGIN"],
    [{ DATABASE_URL: "mysql://somewhere" }, "DATABASE_URL"],
  ])("O3: refuses the setting %o in one readable line", async (environment, name) => {
    const { code, lines } = await startAndFail(environment);
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(name);
  });

  it("O3: says that the database cannot be reached, without its password", async () => {
    const port = await freePort();
    const { code, lines } = await startAndFail({
      DATABASE_URL: `postgres://writer:very-secret@127.0.0.1:${port}/none`,
    });
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/database/i);
    expect(lines.join()).not.toContain("very-secret");
  });
});

describe("a server that runs", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServerProcess(undefined, { firstStart: true });
  }, 120_000);
  afterAll(() => server.close());

  it("O1: prints its address and the demonstration accounts", () => {
    expect(server.output()).toContain(server.url);
    expect(server.output()).toContain("sponsor@demo.test");
    expect(server.output()).toContain(demonstrationPassword);
  });

  it("O2: keeps its data folder; another process is told who holds it", async () => {
    const { code, lines } = await startAndFail({ DATA_DIR: server.dataDir });
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/in use by process \d+/);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it("O5: stops on SIGTERM with exit code 0, and starts again with everything there", async () => {
    const sponsor = await signIn(server.url, "sponsor@demo.test");
    await sponsor.json("POST", "/api/documents", { title: "Kept", body: "Kept text." });
    expect(await server.stop()).toBe(0);
    await server.start();
    const { documents } = await sponsor.json<{ documents: { title: string }[] }>(
      "GET",
      "/api/documents",
    );
    expect(documents.map((document) => document.title)).toContain("Kept");
  });
});

describe("production", () => {
  it("A7: has no default accounts", async () => {
    const server = await startServerProcess(
      (url) => ({ NODE_ENV: "production", PUBLIC_ORIGIN: url }),
      { compiled: true },
    );
    try {
      expect(server.output()).not.toContain("demo.test");
      await expect(signIn(server.url, "admin@demo.test")).rejects.toThrow("invalid_credentials");
    } finally {
      await server.close();
    }
  });
});

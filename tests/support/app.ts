import { rm } from "node:fs/promises";
import type { Limits } from "../../server/app/limits.ts";
import { createApp } from "../../server/app.ts";
import { type Config, readConfig } from "../../server/config.ts";
import type { ListedRoute } from "../../server/http/route-list.ts";
import type { Logger } from "../../server/observability/logger.ts";
import { type Person, signIn } from "./person.ts";
import { copyEmptyDatabase, silent } from "./pglite.ts";

export interface TestApp {
  readonly url: string;
  readonly dataDir: string;
  readonly routes: readonly ListedRoute[];
  /** Signs in one of the demonstration accounts. */
  signIn(email: string): Promise<Person>;
  /** Closes the server and keeps its data, for another to open. */
  stop(): Promise<void>;
  /** Closes the server and deletes its data. */
  close(): Promise<void>;
}

export interface TestAppOptions {
  config?: Partial<Config>;
  logger?: Logger;
  limits?: Partial<Limits>;
  /** Most tests write without the model: it is loaded by the first run, unless it is asked for here. */
  loadsModelAhead?: boolean;
}

/** The whole server in this process, with the demonstration accounts and data of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const dataDir = options.config?.dataDir ?? (await copyEmptyDatabase());
  // Nothing listens there: no test asks the real hub.
  const hub = { HUB_URL: "http://127.0.0.1:9" };
  const config = { ...readConfig({ PORT: "0", DATA_DIR: dataDir, ...hub }), ...options.config };
  const { logger = silent, limits, loadsModelAhead = false } = options;
  const app = await createApp(config, { logger, limits, loadsModelAhead });
  return {
    url: app.url,
    dataDir,
    routes: app.routes,
    signIn: (email) => signIn(app.url, email),
    stop: () => app.close(),
    async close() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

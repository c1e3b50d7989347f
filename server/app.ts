import { sql } from "kysely";
import type { Actor } from "#shared/permissions.ts";
import { isLive } from "#shared/run.ts";
import { createAccountRoutes } from "./accounts/account-routes.ts";
import { createAccounts } from "./accounts/accounts.ts";
import { createDemonstrationAccounts } from "./accounts/demonstration.ts";
import { type Config, localOrigins } from "./config.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { migrate } from "./database/migrate.ts";
import { createDocumentPolicy } from "./documents/access.ts";
import { createAssignments } from "./documents/assignments.ts";
import { createDocumentRoutes } from "./documents/document-routes.ts";
import { createDocuments } from "./documents/documents.ts";
import { createProjection } from "./documents/projection.ts";
import { createVersionLog } from "./documents/version-log.ts";
import { createVersions } from "./documents/versions.ts";
import { AppError, ConflictError, NotFoundError, UnavailableError } from "./errors.ts";
import { createGeneration, type Generation } from "./generation/generation.ts";
import { createEndpoints } from "./http/endpoint.ts";
import { createHttpApp } from "./http/http-app.ts";
import { type HttpServer, openHttpServer } from "./http/http-server.ts";
import { createModelRoutes } from "./http/model-routes.ts";
import { createOriginCheck } from "./http/origin.ts";
import { createModelLibrary, type ModelLibrary } from "./model-library/model-library.ts";
import type { Logger } from "./observability/logger.ts";
import { createMetrics, serveMetrics } from "./observability/metrics.ts";
import type { EventHandlers } from "./sockets/event-line.ts";
import { createSockets, type Sockets } from "./sockets/sockets.ts";
import { createUpgradeRouter } from "./sockets/upgrade-router.ts";
import { createSync, type Sync } from "./sync/sync.ts";

export interface App {
  /** An address that a browser on this machine can open. */
  readonly url: string;
  /** Refuses work, pauses runs, flushes the log, closes the database; idempotent. */
  close(): Promise<void>;
}

type Close = () => Promise<void> | void;

/**
 * Builds every part in order and resolves when the server takes work. Throws AppError with one
 * readable sentence when it cannot: port in use, data folder in use, database unreachable.
 */
export async function createApp(config: Config, { logger }: { logger: Logger }): Promise<App> {
  const http = await openHttpServer(config);
  /** In the order of closing. */
  const closing: Close[] = [() => http.refuse()];
  const closingLast: Close[] = [() => http.close()];
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= closeAll([...closing, ...closingLast], logger));
  try {
    const models = createModelLibrary({ modelsDir: config.modelsDir, logger });
    closingLast.unshift(() => models.close());
    const defaultModel = loadDefaultModel(models, logger);
    const database = await openMigrated(config, logger);
    closingLast.unshift(() => database.close());
    closing.push(...(await build({ config, http, database, models, defaultModel, logger })));
    await defaultModel.settled;
    return { url: http.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  config: Config;
  http: HttpServer;
  database: Database;
  models: ModelLibrary;
  defaultModel: DefaultModel;
  logger: Logger;
}

/** Wires the parts and lets people in; returns what to close, in order. */
async function build(parts: Parts): Promise<Close[]> {
  const { config, http, database, models, defaultModel, logger } = parts;
  const origins = originsOf(config, http);
  const isAllowedOrigin = createOriginCheck(origins);
  const policy = createDocumentPolicy(database);
  const versionLog = createVersionLog(database);
  const project = createProjection({ database, versions: versionLog, onTitleChanged: announce });
  const accounts = createAccounts({
    database,
    secure: origins.every((origin) => origin.startsWith("https:")),
    onSessionEnded: endSession,
  });
  const sync: Sync = createSync({ database, authorise: policy.authorise, project, logger });
  const generation: Generation = createGeneration({
    database,
    rooms: sync.rooms,
    models,
    documents: {
      requireAccess: (...asked) => policy.requireAccess(...asked),
      keepVersion: (documentId, version) => versionLog.keep(documentId, version),
    },
    publish: {
      toDocument(documentId, event, payload) {
        sockets.toDocument(documentId, event, payload);
        if (event === "run:state") announce(documentId);
      },
    },
    logger,
  });
  const sockets: Sockets = createSockets({
    httpServer: http.server,
    authenticate: accounts.authenticate,
    isAllowedOrigin,
    roleOn: (accountId, documentId) => policy.roleOn(accountId, documentId),
    handlers: createEventHandlers(policy, generation),
    logger,
  });

  const pauseRun = createPauseRun(generation);
  const endpoints = createEndpoints(accounts.authenticate);
  const metrics = createMetrics();
  metrics.gauge("socket_connections", "Open Socket.IO connections", () => sockets.count());
  const metricsServer =
    config.metricsPort === undefined
      ? undefined
      : await serveMetrics(metrics, { host: config.host, port: config.metricsPort });

  if (config.demonstration) await createDemonstrationAccounts(accounts);
  await accounts.deleteExpiredSessions();
  await generation.recover();

  const documents = createDocuments({
    database,
    policy,
    rooms: sync.rooms,
    project,
    latestRuns: (documentIds) => generation.latest(documentIds),
    pauseRun,
    onChanged: announce,
  });
  const app = createHttpApp({
    publicOrigins: origins,
    isAllowedOrigin,
    readiness: {
      database: () => database.ready(),
      // Requests are taken only after the migrations have run.
      migrations: () => true,
      model: () => defaultModel.isLoaded() && models.ready(),
    },
    routers: [
      createAccountRoutes(accounts, endpoints),
      createDocumentRoutes({
        documents,
        assignments: createAssignments({ database, policy, onAccessChanged }),
        versions: createVersions({
          versionLog,
          policy,
          rooms: sync.rooms,
          project,
          readDocumentAt: (documentId, seq) => sync.readDocumentAt(documentId, seq),
          pauseRun,
        }),
        endpoints,
      }),
      createModelRoutes(() => models.list(), endpoints),
    ],
    clientDir: config.clientDir,
    metrics,
    logger,
  });
  const upgrades = createUpgradeRouter({
    httpServer: http.server,
    isAllowedOrigin,
    authenticate: accounts.authenticate,
    accept: (webSocket, request) => sync.accept(webSocket, request),
    onSessionEnded: endSession,
    logger,
  });
  http.serve(app);

  return [
    () => upgrades.close(),
    () => generation.close(),
    () => sync.close(),
    () => sockets.close(),
    () => metricsServer?.close(),
  ];

  function endSession(sessionId: string): void {
    sockets.sessionEnded(sessionId);
    sync.sessionEnded(sessionId);
  }

  /** After it nothing of the account's old role is left on open connections. */
  async function onAccessChanged(accountId: string, documentId: string): Promise<void> {
    const told = await Promise.allSettled([
      sync.rooms.accessChanged(accountId, documentId),
      sockets.accessChanged(accountId, documentId),
      generation.accessChanged(accountId, documentId),
    ]);
    for (const one of told)
      if (one.status === "rejected") logger.error({ error: one.reason }, "access change not told");
    sockets.toAccount(accountId, "documents:changed", { documentId });
    announce(documentId);
  }

  /** Tells the lists of everyone on the document to look again. */
  function announce(documentId: string): void {
    policy.accountsOn(documentId).then(
      (accountIds) => {
        for (const accountId of accountIds)
          sockets.toAccount(accountId, "documents:changed", { documentId });
      },
      (error: unknown) => logger.warn({ error }, "change of a document not told"),
    );
  }
}

function createEventHandlers(
  policy: ReturnType<typeof createDocumentPolicy>,
  generation: Generation,
): EventHandlers {
  return {
    async "document:join"(actor, { documentId }) {
      const { role } = await policy.requireAccess(actor, documentId, "read");
      if (role === null) throw new NotFoundError();
      return { role, run: (await generation.latest([documentId])).get(documentId) ?? null };
    },
    "run:start": async (actor, input) => ({ run: await generation.start(actor, input) }),
    "run:pause": async (actor, input) => ({ run: await generation.pause(actor, input) }),
    "run:resume": async (actor, input) => ({ run: await generation.resume(actor, input) }),
    "run:stop": async (actor, input) => ({ run: await generation.stop(actor, input) }),
    "run:tune": async (actor, input) => ({ run: await generation.tune(actor, input) }),
  };
}

/** Pauses the document's run if one is going; that it ended meanwhile is as good. */
function createPauseRun(generation: Generation) {
  return async (actor: Actor, documentId: string): Promise<void> => {
    const run = (await generation.latest([documentId])).get(documentId);
    if (run === undefined || !isLive(run.state) || run.state === "paused") return;
    try {
      await generation.pause(actor, { documentId });
    } catch (error) {
      if (!(error instanceof ConflictError && error.code === "illegal_transition")) throw error;
    }
  };
}

async function openMigrated(config: Config, logger: Logger): Promise<Database> {
  const { databaseUrl, dataDir } = config;
  const database = await openDatabase({ databaseUrl, dataDir, logger });
  try {
    await sql`select 1`.execute(database.kysely).catch((cause: unknown) => {
      throw unreachable(cause);
    });
    await migrate(database, logger);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Says what the driver says, which names host or user, never the password. */
function unreachable(cause: unknown): AppError {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const reason = first instanceof Error ? first.message : String(first);
  return new UnavailableError(`The database cannot be reached: ${reason}.`, cause);
}

interface DefaultModel {
  isLoaded(): boolean;
  /** Resolves when it is known. */
  settled: Promise<void>;
}

/** A model that does not load leaves a server on which people can write; `/readyz` says so. */
function loadDefaultModel(models: ModelLibrary, logger: Logger): DefaultModel {
  let loaded = false;
  const settled = models.load().then(
    () => {
      loaded = true;
    },
    (error: unknown) => logger.error({ error }, "the default model could not be loaded"),
  );
  return { isLoaded: () => loaded, settled };
}

/** With port 0 the addresses are known only now. */
function originsOf(config: Config, http: HttpServer): readonly string[] {
  return config.port === 0
    ? [...config.publicOrigins, ...localOrigins(http.port)]
    : config.publicOrigins;
}

/** Closes one after the other; one that fails does not keep the rest open. */
async function closeAll(steps: Close[], logger: Logger): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      logger.error({ error }, "a part did not close cleanly");
    }
  }
}

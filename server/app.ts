import type { Router } from "express";
import { createDemonstrationAccounts } from "./accounts/demonstration.ts";
import { createFamiliarAddresses } from "./accounts/familiar-addresses.ts";
import { createAdmission } from "./app/admission.ts";
import { type DefaultModel, loadDefaultModel } from "./app/default-model.ts";
import { createEdge, type Edge } from "./app/edge.ts";
import { measureEngines } from "./app/engine-metrics.ts";
import { createHealthReading } from "./app/health-reading.ts";
import { type Housekeeping, startHousekeeping } from "./app/housekeeping.ts";
import { type Limits, standardLimits } from "./app/limits.ts";
import { openModelDesk } from "./app/open-model-desk.ts";
import { createOwnAccountParts } from "./app/own-account.ts";
import { createParts, type Parts } from "./app/parts.ts";
import { createRouters } from "./app/routers.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database/database.ts";
import { openMigratedDatabase } from "./database/open-migrated.ts";
import { createHttpApp } from "./http/http-app.ts";
import { type HttpServer, openHttpServer } from "./http/http-server.ts";
import type { ListedRoute } from "./http/route-list.ts";
import { createThrottles } from "./http/throttles.ts";
import { createMailService } from "./mail/mail-service.ts";
import { createModelLibrary, type ModelLibrary } from "./model-library/model-library.ts";
import { watchEventLoopDelay } from "./observability/event-loop-delay.ts";
import type { ReadinessChecks } from "./observability/health.ts";
import type { Logger } from "./observability/logger.ts";
import { createMetrics, type Metrics, serveMetrics } from "./observability/metrics.ts";
import { createQuotas } from "./quotas/quotas.ts";
import { createUpgradeRouter } from "./sockets/upgrade-router.ts";

export interface App {
  /** An address that a browser on this machine can open. */
  readonly url: string;
  /** Every route that HTTP answers, with what it asks of whoever comes. */
  readonly routes: readonly ListedRoute[];
  /** Refuses work, pauses runs, flushes the log, closes the database; idempotent. */
  close(): Promise<void>;
}

type Close = () => Promise<void> | void;

interface AppOptions {
  logger: Logger;
  /** Other limits than an installation has. */
  limits?: Partial<Limits> | undefined;
  /** Whether the default model is loaded before the first run asks for it; by default it is. */
  loadsModelAhead?: boolean | undefined;
}

/**
 * Builds every part in order and resolves when the server takes work. Throws AppError with one
 * readable sentence when it cannot: port in use, data folder in use, database unreachable.
 */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { logger } = options;
  const limits = { ...standardLimits(config), ...options.limits };
  const http = await openHttpServer(config);
  const closers: Closers = { first: [() => http.refuse()], last: [() => http.close()] };
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= closeAll([...closers.first, ...closers.last], logger));
  try {
    const { modelsDir, engines, engineMemoryMb: memoryMb } = config;
    const models = createModelLibrary({ modelsDir, engines, memoryMb, logger });
    closers.last.unshift(() => models.close());
    const defaultModel = loadDefaultModel(models, {
      ahead: options.loadsModelAhead ?? true,
      logger,
    });
    const { databaseUrl, dataDir } = config;
    const database = await openMigratedDatabase({ databaseUrl, dataDir, logger });
    closers.last.unshift(() => database.close());
    const routes = await build({
      config,
      limits,
      http,
      database,
      models,
      defaultModel,
      logger,
      closers,
    });
    await defaultModel.settled;
    return { url: http.url, routes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What to close, in order: the parts that work, then what they stand on. */
interface Closers {
  first: Close[];
  last: Close[];
}

interface Foundation {
  config: Config;
  limits: Limits;
  http: HttpServer;
  database: Database;
  models: ModelLibrary;
  defaultModel: DefaultModel;
  logger: Logger;
  closers: Closers;
}

/** Wires the parts, then lets people in. */
async function build(foundation: Foundation): Promise<readonly ListedRoute[]> {
  const { config, limits, http, database, logger, closers } = foundation;
  const edge = createEdge(config, http);
  const parts = createParts({ ...foundation, edge });
  const { accounts, generation, sync, sockets } = parts;
  closers.first.push(
    () => generation.close(),
    () => sync.close(),
    () => sockets.close(),
  );
  if (config.demonstration) await createDemonstrationAccounts(accounts);
  await accounts.deleteExpiredSessions();
  await generation.recover();

  const housekeeping = startHousekeeping(parts, { database, logger });
  closers.first.unshift(() => housekeeping.close());
  const metrics = await openMetrics(foundation, parts);
  const routers = createApi(foundation, edge, parts, housekeeping);
  const upgrades = createUpgradeRouter({
    httpServer: http.server,
    isAllowedOrigin: edge.isAllowedOrigin,
    readAddress: edge.readAddress,
    limits: limits.sockets,
    authenticate: accounts.authenticate,
    accept: (webSocket, request) => sync.accept(webSocket, request),
    onSessionEnded: (sessionId) => parts.news.sessionEnded(sessionId),
    logger,
  });
  closers.first.unshift(() => upgrades.close());
  const readiness = readinessOf(foundation);
  const { clientDir } = config;
  const { app, routes } = createHttpApp({
    ...edge,
    readiness,
    metrics,
    logger,
    routers,
    clientDir,
  });
  http.serve(app);
  return routes;
}

/** Metrics, on a port of their own where one is set. */
async function openMetrics(
  { config, models, closers }: Foundation,
  { sockets }: Pick<Parts, "sockets">,
): Promise<Metrics> {
  const metrics = createMetrics();
  metrics.gauge("socket_connections", "Open Socket.IO connections", () => sockets.count());
  measureEngines(metrics, models);
  if (config.metricsPort !== undefined) {
    const served = await serveMetrics(metrics, { host: config.host, port: config.metricsPort });
    closers.last.push(() => served.close());
  }
  return metrics;
}

function readinessOf({ database, defaultModel }: Foundation): ReadinessChecks {
  return {
    database: () => database.ready(),
    // Requests are taken only after the migrations have run.
    migrations: () => true,
    model: () => defaultModel.isReady(),
  };
}

/** All that HTTP's API is made of. */
function createApi(
  { config, limits, http, database, models, defaultModel, logger, closers }: Foundation,
  { publicOrigins, readAddress }: Edge,
  parts: Parts,
  { purging }: Housekeeping,
): Router[] {
  const { accountList: list, sync, sockets } = parts;
  const mail = createMailService({ database, smtp: config.mail, logger });
  closers.last.unshift(() => mail.close());
  const eventLoopDelay = watchEventLoopDelay();
  closers.last.push(() => eventLoopDelay.close());
  const readHealth = createHealthReading({
    database,
    models,
    sync,
    socketCount: () => sockets.count(),
    isModelReady: () => defaultModel.isReady(),
    mail,
    eventLoopDelay,
  });
  const [origin = http.url] = publicOrigins;
  const people = { ...parts, database, mail, origin, logger };
  const ownAccount = createOwnAccountParts({ ...people, requireTotp: config.production });
  closers.last.unshift(() => ownAccount.settled());
  const modelDesk = openModelDesk({ config, database, models, audit: parts.audit, logger });
  closers.first.unshift(() => modelDesk.close());
  return createRouters({
    ...parts,
    database,
    models,
    modelDesk,
    readAddress,
    purging,
    readHealth,
    ownAccount,
    admission: createAdmission({ ...people, list }),
    quotas: createQuotas({ database, audit: parts.audit, builtIn: limits.quota }),
    throttles: createThrottles(limits.http, createFamiliarAddresses(database)),
  });
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

import { createAccountList } from "./accounts/account-list.ts";
import { createAccounts } from "./accounts/accounts.ts";
import { createDemonstrationAccounts } from "./accounts/demonstration.ts";
import { createFamiliarAddresses } from "./accounts/familiar-addresses.ts";
import { createSessionCheck } from "./accounts/session-check.ts";
import { createAdmission } from "./app/admission.ts";
import { type DefaultModel, loadDefaultModel } from "./app/default-model.ts";
import { createEndRun } from "./app/end-run.ts";
import { createEventHandlers } from "./app/event-handlers.ts";
import { createHealthReading } from "./app/health-reading.ts";
import { type Limits, standardLimits } from "./app/limits.ts";
import { createNews } from "./app/news.ts";
import { createOwnAccountParts } from "./app/own-account.ts";
import { createRouters } from "./app/routers.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { type Config, localOrigins } from "./config.ts";
import type { Database } from "./database/database.ts";
import { openMigratedDatabase } from "./database/open-migrated.ts";
import { createDocumentPolicy } from "./documents/access.ts";
import { createProjection } from "./documents/projection.ts";
import { createPurging } from "./documents/purging.ts";
import { createVersionLog } from "./documents/version-log.ts";
import { createGeneration, type Generation } from "./generation/generation.ts";
import { createHttpApp } from "./http/http-app.ts";
import { type HttpServer, openHttpServer } from "./http/http-server.ts";
import { createOriginCheck } from "./http/origin.ts";
import type { ListedRoute } from "./http/route-list.ts";
import { createAddressReader } from "./http/sender.ts";
import { createThrottles } from "./http/throttles.ts";
import { repeat } from "./jobs/repeat.ts";
import { createMailService } from "./mail/mail-service.ts";
import { createModelLibrary, type ModelLibrary } from "./model-library/model-library.ts";
import { watchEventLoopDelay } from "./observability/event-loop-delay.ts";
import type { Logger } from "./observability/logger.ts";
import { createMetrics, serveMetrics } from "./observability/metrics.ts";
import { createQuotas } from "./quotas/quotas.ts";
import { createSpending } from "./quotas/spending.ts";
import { createSockets, type Sockets } from "./sockets/sockets.ts";
import { createUpgradeRouter } from "./sockets/upgrade-router.ts";
import { createSync, type Sync } from "./sync/sync.ts";

export interface App {
  /** An address that a browser on this machine can open. */
  readonly url: string;
  /** Every route that HTTP answers, with what it asks of whoever comes. */
  readonly routes: readonly ListedRoute[];
  /** Refuses work, pauses runs, flushes the log, closes the database; idempotent. */
  close(): Promise<void>;
}

const rightsEveryMs = 5_000;
const purgeEveryMs = 60 * 60 * 1000;

type Close = () => Promise<void> | void;

interface AppOptions {
  logger: Logger;
  /** Other limits than an installation has. */
  limits?: Partial<Limits> | undefined;
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
    const models = createModelLibrary({ modelsDir: config.modelsDir, logger });
    closers.last.unshift(() => models.close());
    const defaultModel = loadDefaultModel(models, logger);
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
  const { config, limits, http, database, models, defaultModel, logger, closers } = foundation;
  const origins = originsOf(config, http);
  const isAllowedOrigin = createOriginCheck(origins);
  const readAddress = createAddressReader(config.trustedProxies);
  const connectionLimits = { readAddress, limits: limits.sockets };
  const policy = createDocumentPolicy(database);
  const audit = createAuditLog(database);
  const versionLog = createVersionLog(database);
  const accountList = createAccountList(database);
  const news = createNews({
    policy,
    countWaiting: () => accountList.countWaiting(),
    parts: () => ({ sync, sockets, generation }),
    logger,
  });
  const onSessionEnded = (sessionId: string) => news.sessionEnded(sessionId);
  const accounts = createAccounts({
    database,
    secure: origins.every((origin) => origin.startsWith("https:")),
    requireTotp: config.production,
    audit,
    onSessionEnded,
  });
  const { authenticate } = accounts;
  const project = createProjection({
    database,
    versions: versionLog,
    onTitleChanged: (documentId) => news.documentChanged(documentId),
  });
  const sync: Sync = createSync({
    database,
    authorise: policy.authorise,
    isSessionAlive: createSessionCheck(database),
    project,
    logger,
  });
  const generation: Generation = createGeneration({
    database,
    rooms: sync.rooms,
    models,
    documents: {
      requireAccess: (...asked) => policy.requireAccess(...asked),
      isArchived: (documentId) => policy.isArchived(documentId),
      keepVersion: (documentId, version) => versionLog.keep(documentId, version),
    },
    publish: {
      toDocument(documentId, event, payload) {
        sockets.toDocument(documentId, event, payload);
        if (event === "run:state") news.documentChanged(documentId);
      },
    },
    spending: createSpending(database, limits.quota),
    logger,
  });
  const endRun = createEndRun({ generation, audit });
  const sockets: Sockets = createSockets({
    httpServer: http.server,
    authenticate,
    isAllowedOrigin,
    roleOn: (accountId, documentId) => policy.roleOn(accountId, documentId),
    requireAccess: (...asked) => policy.requireAccess(...asked),
    handlers: createEventHandlers({ policy, generation, endRun }),
    onAdmin: () => news.queueChanged(),
    ...connectionLimits,
    logger,
  });
  closers.first.push(
    () => generation.close(),
    () => sync.close(),
    () => sockets.close(),
  );

  const metrics = createMetrics();
  metrics.gauge("socket_connections", "Open Socket.IO connections", () => sockets.count());
  if (config.metricsPort !== undefined) {
    const served = await serveMetrics(metrics, { host: config.host, port: config.metricsPort });
    closers.last.push(() => served.close());
  }
  if (config.demonstration) await createDemonstrationAccounts(accounts);
  await accounts.deleteExpiredSessions();
  await generation.recover();

  const documentParts = { policy, versionLog, project, sync, generation };
  const purging = createPurging({
    database,
    audit,
    rooms: sync.rooms,
    endRun: (actor, documentId) => endRun.ifLive(actor, documentId),
    accountsOn: (documentId) => policy.accountsOn(documentId),
    onAccessChanged: (accountId, documentId) => news.accessChanged(accountId, documentId),
  });
  const purge = { name: "purge", everyMs: purgeEveryMs, logger };
  const purges = repeat(() => purging.purgeDue(), purge);
  // Whoever takes a right away tells; where that went lost, a run ends here.
  const rights = repeat(() => generation.accessChanged(null, null), {
    name: "rights of runs",
    everyMs: rightsEveryMs,
    logger,
  });
  const eventLoopDelay = watchEventLoopDelay();
  closers.first.unshift(
    () => purges.close(),
    () => rights.close(),
  );
  closers.last.push(() => eventLoopDelay.close());
  const mail = createMailService({ database, smtp: config.mail, logger });
  closers.last.unshift(() => mail.close());
  const readHealth = createHealthReading({
    database,
    models,
    sync,
    socketCount: () => sockets.count(),
    isModelReady: () => defaultModel.isReady(),
    mail,
    eventLoopDelay,
  });
  const [origin = http.url] = origins;
  const requireTotp = config.production;
  const accountParts = { database, accounts, audit, mail, news, origin, requireTotp, logger };
  const ownAccount = createOwnAccountParts(accountParts);
  closers.last.unshift(() => ownAccount.settled());
  const admissionParts = { database, list: accountList, audit, mail, news, origin };
  const routers = createRouters({
    database,
    accounts,
    admission: createAdmission(admissionParts),
    ownAccount,
    models,
    news,
    audit,
    readAddress,
    endRun,
    purging,
    readHealth,
    quotas: createQuotas({ database, audit, builtIn: limits.quota }),
    throttles: createThrottles(limits.http, createFamiliarAddresses(database)),
    ...documentParts,
  });
  const upgrades = createUpgradeRouter({
    httpServer: http.server,
    isAllowedOrigin,
    authenticate,
    accept: (webSocket, request) => sync.accept(webSocket, request),
    onSessionEnded,
    ...connectionLimits,
    logger,
  });
  closers.first.unshift(() => upgrades.close());
  const readiness = {
    database: () => database.ready(),
    // Requests are taken only after the migrations have run.
    migrations: () => true,
    model: () => defaultModel.isReady(),
  };
  const { clientDir } = config;
  const edge = { publicOrigins: origins, isAllowedOrigin, readiness, metrics, logger };
  const { app, routes } = createHttpApp({ ...edge, routers, clientDir });
  http.serve(app);
  return routes;
}

/** With port 0 the addresses are known only now. */
function originsOf(config: Config, http: HttpServer): readonly string[] {
  return config.port === 0
    ? [
        ...config.publicOrigins.filter((origin) => !origin.endsWith(":0")),
        ...localOrigins(http.port),
      ]
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

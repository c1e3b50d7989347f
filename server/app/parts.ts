import { type AccountList, createAccountList } from "../accounts/account-list.ts";
import { type Accounts, createAccounts } from "../accounts/accounts.ts";
import { createSessionCheck } from "../accounts/session-check.ts";
import { type AuditLog, createAuditLog } from "../audit/audit-log.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/database.ts";
import { createDocumentPolicy, type DocumentPolicy } from "../documents/access.ts";
import { createProjection, type Project } from "../documents/projection.ts";
import { createVersionLog, type VersionLog } from "../documents/version-log.ts";
import { createGeneration, type Generation } from "../generation/generation.ts";
import { neverStore, refuseUnusedFeatures, securityHeaders } from "../http/headers.ts";
import type { HttpServer } from "../http/http-server.ts";
import type { ModelLibrary } from "../model-library/model-library.ts";
import type { Logger } from "../observability/logger.ts";
import { createSpending } from "../quotas/spending.ts";
import { createSockets, type Sockets } from "../sockets/sockets.ts";
import { createSync, type Sync } from "../sync/sync.ts";
import type { Edge } from "./edge.ts";
import { createEndRun, type EndRun } from "./end-run.ts";
import { createEventHandlers } from "./event-handlers.ts";
import type { Limits } from "./limits.ts";
import { createNews, type News } from "./news.ts";

export interface PartsOptions {
  config: Config;
  limits: Limits;
  http: HttpServer;
  edge: Edge;
  database: Database;
  models: ModelLibrary;
  logger: Logger;
}

/** The parts that live as long as the server, each told what it needs of the others. */
export interface Parts {
  audit: AuditLog;
  policy: DocumentPolicy;
  versionLog: VersionLog;
  accountList: AccountList;
  accounts: Accounts;
  news: News;
  project: Project;
  sync: Sync;
  generation: Generation;
  endRun: EndRun;
  sockets: Sockets;
}

type Records = Pick<Parts, "audit" | "policy" | "versionLog" | "accountList">;

export function createParts(options: PartsOptions): Parts {
  const { database, logger } = options;
  const records: Records = {
    audit: createAuditLog(database),
    policy: createDocumentPolicy(database),
    versionLog: createVersionLog(database),
    accountList: createAccountList(database),
  };
  const news: News = createNews({
    policy: records.policy,
    countWaiting: () => records.accountList.countWaiting(),
    parts: () => ({ sync, sockets, generation }),
    logger,
  });
  const accounts = createAccountsOf(options, records, news);
  const project = createProjection({
    database,
    versions: records.versionLog,
    onTitleChanged: (documentId) => news.documentChanged(documentId),
  });
  const sync: Sync = createSync({
    database,
    authorise: records.policy.authorise,
    isSessionAlive: createSessionCheck(database),
    project,
    logger,
  });
  const generation = createGenerationOf(options, records, {
    rooms: sync.rooms,
    toDocument(documentId, event, payload) {
      sockets.toDocument(documentId, event, payload);
      if (event === "run:state") news.runChanged(documentId);
    },
    // Its state was told before the version was there.
    onVersionKept: (documentId) => news.runChanged(documentId),
  });
  const endRun = createEndRun({ generation, audit: records.audit });
  const sockets: Sockets = createSocketsOf(options, records, {
    accounts,
    generation,
    endRun,
    news,
  });
  return { ...records, news, accounts, project, sync, generation, endRun, sockets };
}

function createAccountsOf(
  { config, database, edge }: PartsOptions,
  { audit }: Records,
  news: News,
): Accounts {
  return createAccounts({
    database,
    secure: edge.publicOrigins.every((origin) => origin.startsWith("https:")),
    requireTotp: config.production,
    audit,
    onSessionEnded: (sessionId) => news.sessionEnded(sessionId),
  });
}

interface GenerationSurroundings {
  rooms: Sync["rooms"];
  toDocument: Sockets["toDocument"];
  onVersionKept: (documentId: string) => void;
}

function createGenerationOf(
  { database, models, limits, logger }: PartsOptions,
  { policy, versionLog }: Records,
  { rooms, toDocument, onVersionKept }: GenerationSurroundings,
): Generation {
  return createGeneration({
    database,
    rooms,
    models,
    documents: {
      requireAccess: (...asked) => policy.requireAccess(...asked),
      isArchived: (documentId) => policy.isArchived(documentId),
      async keepVersion(documentId, version) {
        await versionLog.keep(documentId, version);
        onVersionKept(documentId);
      },
    },
    publish: { toDocument },
    spending: createSpending(database, limits.quota),
    logger,
  });
}

function createSocketsOf(
  { http, edge, limits, logger }: PartsOptions,
  { policy }: Records,
  others: Pick<Parts, "accounts" | "generation" | "endRun" | "news">,
): Sockets {
  const { accounts, generation, endRun, news } = others;
  return createSockets({
    httpServer: http.server,
    authenticate: accounts.authenticate,
    isAllowedOrigin: edge.isAllowedOrigin,
    readAddress: edge.readAddress,
    limits: limits.sockets,
    roleOn: (accountId, documentId) => policy.roleOn(accountId, documentId),
    requireAccess: (...asked) => policy.requireAccess(...asked),
    handlers: createEventHandlers({ policy, generation, endRun }),
    headers: [securityHeaders(edge.publicOrigins), refuseUnusedFeatures, neverStore],
    onAdmin: () => news.queueChanged(),
    logger,
  });
}

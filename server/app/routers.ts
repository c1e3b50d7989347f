import type { Router } from "express";
import type { Health } from "#shared/admin.ts";
import { createAccountRoutes } from "../accounts/account-routes.ts";
import type { Accounts } from "../accounts/accounts.ts";
import { createAdmissionRoutes } from "../accounts/admission-routes.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { DocumentPolicy } from "../documents/access.ts";
import { createAssignments } from "../documents/assignments.ts";
import { createDocumentRoutes } from "../documents/document-routes.ts";
import { createDocuments } from "../documents/documents.ts";
import type { Project } from "../documents/projection.ts";
import type { Purging } from "../documents/purging.ts";
import type { VersionLog } from "../documents/version-log.ts";
import { createVersions } from "../documents/versions.ts";
import type { Generation } from "../generation/generation.ts";
import { createRunHistory } from "../generation/run-history.ts";
import { createEndpoints } from "../http/endpoint.ts";
import { createModelRoutes } from "../http/model-routes.ts";
import type { ReadAddress } from "../http/sender.ts";
import type { Throttles } from "../http/throttles.ts";
import type { ModelDesk } from "../model-library/model-desk.ts";
import { createModelDeskRoutes } from "../model-library/model-desk-routes.ts";
import type { ModelLibrary } from "../model-library/model-library.ts";
import { createQuotaRoutes } from "../quotas/quota-routes.ts";
import type { Quotas } from "../quotas/quotas.ts";
import type { Sync } from "../sync/sync.ts";
import type { Admission } from "./admission.ts";
import { createCustodyRouters } from "./custody.ts";
import type { EndRun } from "./end-run.ts";
import type { News } from "./news.ts";
import type { OwnAccountParts } from "./own-account.ts";
import { createPauseRun } from "./pause-run.ts";

interface RoutersOptions {
  database: Database;
  accounts: Accounts;
  admission: Admission;
  ownAccount: OwnAccountParts;
  policy: DocumentPolicy;
  versionLog: VersionLog;
  project: Project;
  sync: Sync;
  generation: Generation;
  models: ModelLibrary;
  modelDesk: ModelDesk;
  news: News;
  audit: AuditLog;
  readAddress: ReadAddress;
  throttles: Throttles;
  endRun: EndRun;
  purging: Purging;
  readHealth: () => Promise<Health>;
  quotas: Quotas;
}

/** All routes under `/api`. */
export function createRouters(options: RoutersOptions): Router[] {
  const { database, accounts, policy, versionLog, project, sync, generation, models, news } =
    options;
  const { audit, readAddress, throttles } = options;
  const { rooms } = sync;
  const pauseRun = createPauseRun(generation);
  const endpoints = createEndpoints({
    authenticate: accounts.authenticate,
    readAddress,
    throttles,
  });
  const documents = createDocuments({
    database,
    audit,
    policy,
    rooms,
    project,
    latestRuns: (documentIds) => generation.latest(documentIds),
    runsOf: createRunHistory(database),
    pauseRun,
    onChanged: (documentId) => news.documentChanged(documentId),
    onEveryonesAccessChanged: (documentId) => news.everyonesAccessChanged(documentId),
  });
  const assignments = createAssignments({
    database,
    audit,
    policy,
    onAccessChanged: (accountId, documentId) => news.accessChanged(accountId, documentId),
  });
  const versions = createVersions({
    versionLog,
    policy,
    rooms,
    project,
    readDocumentAt: (documentId, seq) => sync.readDocumentAt(documentId, seq),
    pauseRun,
  });
  return [
    createAccountRoutes(accounts, endpoints),
    createAdmissionRoutes({ ...options.admission, endpoints }),
    ...options.ownAccount.routers(endpoints),
    createDocumentRoutes({ documents, assignments, versions, endpoints }),
    createModelRoutes(() => models.list(), endpoints),
    createModelDeskRoutes(options.modelDesk, endpoints),
    createQuotaRoutes(options.quotas, endpoints),
    ...createCustodyRouters({ ...options, endpoints }),
  ];
}

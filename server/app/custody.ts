import { Router } from "express";
import type { Health } from "#shared/admin.ts";
import type { Accounts } from "../accounts/accounts.ts";
import { createConfirm } from "../accounts/confirmation.ts";
import { formerMemberName } from "../accounts/former-member.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { createAuditReader } from "../audit/audit-reader.ts";
import { createAuditRoutes } from "../audit/audit-routes.ts";
import type { Database } from "../database/database.ts";
import { createAdminDocumentRoutes } from "../documents/admin-document-routes.ts";
import { createAdminDocuments } from "../documents/admin-documents.ts";
import { createDeparture } from "../documents/departure.ts";
import { createGiving } from "../documents/giving.ts";
import { createOwnData } from "../documents/own-data.ts";
import { createOwnDataRoutes } from "../documents/own-data-routes.ts";
import type { Purging } from "../documents/purging.ts";
import type { Generation } from "../generation/generation.ts";
import type { Endpoints } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { Sync } from "../sync/sync.ts";
import type { EndRun } from "./end-run.ts";
import type { News } from "./news.ts";

interface CustodyOptions {
  database: Database;
  accounts: Accounts;
  audit: AuditLog;
  sync: Sync;
  generation: Generation;
  news: News;
  endRun: EndRun;
  purging: Purging;
  readHealth: () => Promise<Health>;
  endpoints: Endpoints;
}

/** The routes by which admins look after the server, and people after what is theirs. */
export function createCustodyRouters(options: CustodyOptions): Router[] {
  const { database, accounts, audit, sync, generation, news, endRun, purging, endpoints } = options;
  const auditReader = createAuditReader(database);
  const onAccessChanged = (accountId: string, documentId: string) =>
    news.accessChanged(accountId, documentId);
  const departure = createDeparture({
    audit,
    confirm: createConfirm({ database, secondFactor: accounts.secondFactor }),
    // Nobody is left to ask for it: the server ends it as an admin may end any run.
    endRun: (id, documentId) =>
      endRun.ifLive({ id, name: formerMemberName, role: "admin" }, documentId),
    onAccessChanged,
    onEveryonesAccessChanged: (documentId) => news.everyonesAccessChanged(documentId),
    onSessionEnded: (sessionId) => news.sessionEnded(sessionId),
    onAccountChanged: (accountId) => news.accountChanged(accountId),
  });
  const readDocumentAt: Sync["readDocumentAt"] = (documentId, seq) =>
    sync.readDocumentAt(documentId, seq);
  const writeOwnData = createOwnData({ database, auditReader, readDocumentAt });
  return [
    createAuditRoutes({ audit, reader: auditReader, endpoints }),
    createAdminDocumentRoutes({
      documents: createAdminDocuments(database, (documentIds) => generation.latest(documentIds)),
      giving: createGiving({ database, audit, onAccessChanged }),
      purging,
      endRun: (actor, documentId, sender) => endRun.asAdmin(actor, { documentId }, sender),
      endpoints,
    }),
    createOwnDataRoutes({
      audit,
      writeOwnData,
      departure,
      blankCookie: accounts.blankCookie,
      endpoints,
    }),
    createHealthRoutes(options.readHealth, endpoints),
  ];
}

function createHealthRoutes(readHealth: () => Promise<Health>, { permitted }: Endpoints): Router {
  const router = Router();
  router.get(
    "/admin/health",
    permitted(globally("administer"), async () => ({ json: { health: await readHealth() } })),
  );
  return router;
}

import { Router } from "express";
import { type AuditQuery, auditQuerySchema } from "#shared/admin.ts";
import { type Endpoints, queryOf } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import { auditCsv } from "./audit-csv.ts";
import type { AuditLog } from "./audit-log.ts";
import type { AuditReader } from "./audit-reader.ts";

interface AuditRoutesOptions {
  audit: AuditLog;
  reader: AuditReader;
  endpoints: Endpoints;
}

/** The audit log, for admins: to look at, and to take away (which it keeps, too). */
export function createAuditRoutes({ audit, reader, endpoints }: AuditRoutesOptions): Router {
  const { permitted } = endpoints;
  const router = Router();

  router.get(
    "/admin/audit",
    permitted(globally("administer"), async ({ request }) => ({
      json: await reader.list(queryOf(request, auditQuerySchema)),
    })),
  );

  router.get(
    "/admin/audit/export",
    permitted(globally("administer"), async ({ session, request, sender }) => {
      const { page: _page, ...filter } = queryOf(request, auditQuerySchema);
      const actorId = session.actor.id;
      await audit.record({ action: "audit.exported", actorId, sender, details: given(filter) });
      return {
        download: {
          contents: auditCsv(reader.pages(filter)),
          fileName: `audit-${new Date().toISOString().slice(0, 10)}.csv`,
          contentType: "text/csv; charset=utf-8",
        },
      };
    }),
  );

  return router;
}

/** The filters that were set. */
function given(filter: Omit<AuditQuery, "page">): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

import { Router } from "express";
import {
  adminDocumentsQuerySchema,
  giveDocumentInputSchema,
  purgeDocumentInputSchema,
} from "#shared/admin.ts";
import type { Actor } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import { type Endpoints, nothing, pathId, queryOf } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { Sender } from "../http/sender.ts";
import type { AdminDocuments } from "./admin-documents.ts";
import type { Giving } from "./giving.ts";
import type { Purging } from "./purging.ts";

interface AdminDocumentRoutesOptions {
  documents: AdminDocuments;
  giving: Giving;
  purging: Purging;
  /** Ends the document's live run. */
  endRun: (actor: Actor, documentId: string, sender: Sender) => Promise<Run>;
  endpoints: Endpoints;
}

/** What admins do with documents that they cannot read. */
export function createAdminDocumentRoutes(options: AdminDocumentRoutesOptions): Router {
  const { documents, giving, purging, endRun, endpoints } = options;
  const { permitted } = endpoints;
  const administer = globally("administer");
  const router = Router();

  router.get(
    "/admin/documents",
    permitted(administer, async ({ request }) => ({
      json: await documents.list(queryOf(request, adminDocumentsQuerySchema)),
    })),
  );

  router.post(
    "/admin/documents/:id/end-run",
    permitted(
      administer,
      async ({ session, request, sender }) => ({
        json: { run: await endRun(session.actor, pathId(request, "id"), sender) },
      }),
      { input: nothing },
    ),
  );

  router.put(
    "/admin/documents/:id/owner",
    permitted(
      administer,
      async ({ session, input, request, sender }) => {
        const id = pathId(request, "id");
        await giving.give(session.actor.id, id, input.email, sender);
        return { json: { document: await documents.get(id) } };
      },
      { input: giveDocumentInputSchema },
    ),
  );

  router.delete(
    "/admin/documents/:id",
    permitted(
      administer,
      async ({ session, input, request, sender }) => {
        await purging.purge(session.actor, pathId(request, "id"), input.title, sender);
        return { status: 204 };
      },
      { input: purgeDocumentInputSchema },
    ),
  );

  return router;
}

import { type Request, Router } from "express";
import {
  assignmentInputSchema,
  bodyMaxCharacters,
  changeDocumentInputSchema,
  createDocumentInputSchema,
  versionInputSchema,
} from "#shared/http.ts";
import { type Endpoints, nothing, pathId } from "../http/endpoint.ts";
import { globally, onDocument } from "../http/permission.ts";
import type { Assignments } from "./assignments.ts";
import type { Documents } from "./documents.ts";
import type { Versions } from "./versions.ts";

/** A character takes at most six bytes of JSON (`\uXXXX`); the rest is for the other fields. */
const createMaxBytes = 6 * bodyMaxCharacters + 64 * 1024;

interface DocumentRoutesOptions {
  documents: Documents;
  assignments: Assignments;
  versions: Versions;
  endpoints: Endpoints;
}

/** Documents, the people on them, and their versions. */
export function createDocumentRoutes(options: DocumentRoutesOptions): Router {
  const router = Router();
  addDocumentRoutes(router, options);
  addAssignmentRoutes(router, options);
  addVersionRoutes(router, options);
  return router;
}

function addDocumentRoutes(router: Router, { documents, endpoints }: DocumentRoutesOptions): void {
  const { permitted } = endpoints;
  router
    .route("/documents")
    .get(
      permitted(globally("listDocuments"), async ({ session }) => ({
        json: { documents: await documents.list(session.actor) },
      })),
    )
    .post(
      permitted(
        globally("createDocument"),
        async ({ session, input, sender }) => ({
          status: 201,
          json: { document: await documents.create(session.actor, input, sender) },
        }),
        { input: createDocumentInputSchema, maxBytes: createMaxBytes },
      ),
    );
  router
    .route("/documents/:id")
    .get(
      permitted(onDocument("read"), async ({ session, request }) => ({
        json: { document: await documents.get(session.actor, idOf(request)) },
      })),
    )
    .patch(
      permitted(
        onDocument("write", "archive", "changeSettings"),
        async ({ session, input, request, sender }) => ({
          json: { document: await documents.change(session.actor, idOf(request), input, sender) },
        }),
        { input: changeDocumentInputSchema },
      ),
    );
  router.get(
    "/documents/:id/runs",
    permitted(onDocument("read"), async ({ session, request }) => ({
      json: { runs: await documents.runs(session.actor, idOf(request)) },
    })),
  );
  router.get(
    "/documents/:id/text",
    permitted(onDocument("read"), async ({ session, request }) => ({
      text: await documents.text(session.actor, idOf(request)),
    })),
  );
}

function addAssignmentRoutes(router: Router, options: DocumentRoutesOptions): void {
  const { assignments, endpoints } = options;
  const { permitted } = endpoints;
  router
    .route("/documents/:id/assignments")
    .get(
      permitted(onDocument("assign"), async ({ session, request }) => ({
        json: { assignments: await assignments.list(session.actor, idOf(request)) },
      })),
    )
    .put(
      permitted(
        onDocument("assign"),
        async ({ session, input, request, sender }) => ({
          json: {
            assignment: await assignments.assign(session.actor, idOf(request), input, sender),
          },
        }),
        { input: assignmentInputSchema },
      ),
    );
  router.delete(
    "/documents/:id/assignments/:userId",
    permitted(onDocument("assign"), async ({ session, request, sender }) => {
      const userId = pathId(request, "userId");
      await assignments.unassign(session.actor, idOf(request), userId, sender);
      return { status: 204 };
    }),
  );
}

function addVersionRoutes(router: Router, { versions, endpoints }: DocumentRoutesOptions): void {
  const { permitted } = endpoints;
  router
    .route("/documents/:id/versions")
    .get(
      permitted(onDocument("read"), async ({ session, request }) => ({
        json: { versions: await versions.list(session.actor, idOf(request)) },
      })),
    )
    .post(
      permitted(
        onDocument("write"),
        async ({ session, input, request }) => ({
          status: 201,
          json: { version: await versions.keepNamed(session.actor, idOf(request), input.label) },
        }),
        { input: versionInputSchema },
      ),
    );
  router.get(
    "/documents/:id/versions/:version/text",
    permitted(onDocument("read"), async ({ session, request }) => ({
      text: await versions.text(session.actor, idOf(request), pathId(request, "version")),
    })),
  );
  router.post(
    "/documents/:id/versions/:version/restore",
    permitted(
      onDocument("restoreVersion"),
      async ({ session, request }) => {
        const version = pathId(request, "version");
        return { json: { version: await versions.restore(session.actor, idOf(request), version) } };
      },
      { input: nothing },
    ),
  );
}

function idOf(request: Request): string {
  return pathId(request, "id");
}

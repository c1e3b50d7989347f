import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import {
  assignmentSchema,
  type ChangeDocumentInput,
  type CreateDocumentInput,
  documentRunSchema,
  documentSchema,
  versionSchema,
} from "#shared/http.ts";
import { request, requestNothing } from "./request.ts";

const documentAnswer = z.object({ document: documentSchema });
const path = (documentId: string) => `/api/documents/${encodeURIComponent(documentId)}`;

/** How often the list looks again by itself; what happens now is told by the live connection. */
const listRefreshMs = 20_000;

/** All documents of the account, archived ones too. */
export const documentsQuery = queryOptions({
  queryKey: ["documents"],
  queryFn: async () =>
    (await request("GET", "/api/documents", z.object({ documents: z.array(documentSchema) })))
      .documents,
  refetchInterval: listRefreshMs,
});

/** One document as the account sees it. */
export const documentQuery = (documentId: string) =>
  queryOptions({
    queryKey: ["document", documentId],
    queryFn: async () => (await request("GET", path(documentId), documentAnswer)).document,
  });

/** Who was given the document. */
export const assignmentsQuery = (documentId: string) =>
  queryOptions({
    queryKey: ["document", documentId, "assignments"],
    queryFn: async () =>
      (
        await request(
          "GET",
          `${path(documentId)}/assignments`,
          z.object({ assignments: z.array(assignmentSchema) }),
        )
      ).assignments,
  });

/** Its runs, newest first; asked for anew whenever `moment` is another. */
export const runsQuery = (documentId: string, moment: string) =>
  queryOptions({
    queryKey: ["document", documentId, "runs", moment],
    placeholderData: keepPreviousData,
    queryFn: async () =>
      (
        await request(
          "GET",
          `${path(documentId)}/runs`,
          z.object({ runs: z.array(documentRunSchema) }),
        )
      ).runs,
  });

/** What all lists of a document's versions are kept under. */
export const versionsKey = (documentId: string) => ["document", documentId, "versions"];

/** Its kept states, newest first; asked for anew whenever `moment` is another. */
export const versionsQuery = (documentId: string, moment: string) =>
  queryOptions({
    queryKey: [...versionsKey(documentId), moment],
    placeholderData: keepPreviousData,
    queryFn: async () =>
      (
        await request(
          "GET",
          `${path(documentId)}/versions`,
          z.object({ versions: z.array(versionSchema) }),
        )
      ).versions,
  });

/** Creates a document and gives it back. */
export function useCreateDocument() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (input: CreateDocumentInput) =>
      (await request("POST", "/api/documents", documentAnswer, input)).document,
    onSuccess: async (document) => {
      client.setQueryData(documentQuery(document.id).queryKey, document);
      await client.invalidateQueries({ queryKey: documentsQuery.queryKey });
    },
  });
}

/** Renames, archives, or changes who may run. */
export function useChangeDocument(documentId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (input: ChangeDocumentInput) =>
      (await request("PATCH", path(documentId), documentAnswer, input)).document,
    onSuccess: async (document) => {
      client.setQueryData(documentQuery(documentId).queryKey, document);
      await client.invalidateQueries({ queryKey: documentsQuery.queryKey });
    },
  });
}

/** Gives the document to an account, or takes it away again. */
export function useAssign(documentId: string) {
  const client = useQueryClient();
  const refresh = () =>
    client.invalidateQueries({ queryKey: assignmentsQuery(documentId).queryKey });
  const assign = useMutation({
    mutationFn: (input: { email: string; role: "editor" | "watcher" }) =>
      request(
        "PUT",
        `${path(documentId)}/assignments`,
        z.object({ assignment: assignmentSchema }),
        input,
      ),
    onSuccess: refresh,
  });
  const unassign = useMutation({
    mutationFn: (userId: string) =>
      requestNothing("DELETE", `${path(documentId)}/assignments/${encodeURIComponent(userId)}`),
    onSuccess: refresh,
  });
  return { assign, unassign };
}

/** Keeps the text as it stands now, under a name. */
export function useKeepVersion(documentId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (label: string) =>
      request("POST", `${path(documentId)}/versions`, z.object({ version: versionSchema }), {
        label,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: versionsKey(documentId) }),
  });
}

/** Brings an older version back, as a change that goes forward. */
export function useRestoreVersion(documentId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (versionId: string) =>
      request(
        "POST",
        `${path(documentId)}/versions/${encodeURIComponent(versionId)}/restore`,
        z.object({ version: versionSchema }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: versionsKey(documentId) }),
  });
}

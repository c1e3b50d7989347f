import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import { type AdminDocumentsQuery, adminDocumentSchema } from "#shared/admin.ts";
import { queryString } from "./query-string.ts";
import { request, requestNothing } from "./request.ts";

const path = (id: string) => `/api/admin/documents/${encodeURIComponent(id)}`;

/** One page of all documents, never their text. */
export const adminDocumentsQuery = (query: AdminDocumentsQuery) =>
  queryOptions({
    queryKey: ["admin", "documents", query],
    placeholderData: keepPreviousData,
    queryFn: () =>
      request(
        "GET",
        `/api/admin/documents${queryString(query)}`,
        z.object({ documents: z.array(adminDocumentSchema), total: z.number() }),
      ),
  });

/** Ends a document's run, gives it to another owner, or purges it for good. */
export function useAdministerDocument(id: string) {
  const client = useQueryClient();
  const onSettled = () => client.invalidateQueries({ queryKey: ["admin"] });
  const endRun = useMutation({
    mutationFn: () => requestNothing("POST", `${path(id)}/end-run`, {}),
    onSettled,
  });
  const give = useMutation({
    mutationFn: (email: string) => requestNothing("PUT", `${path(id)}/owner`, { email }),
    onSettled,
  });
  const purge = useMutation({
    mutationFn: (title: string) => requestNothing("DELETE", path(id), { title }),
    onSettled,
  });
  return { endRun, give, purge };
}

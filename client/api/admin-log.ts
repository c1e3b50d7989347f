import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { z } from "zod";
import { type AuditQuery, auditEventSchema, healthSchema } from "#shared/admin.ts";
import { queryString } from "./query-string.ts";
import { request } from "./request.ts";

const healthRefreshMs = 5_000;

/** One page of the log, newest first. */
export const auditQuery = (query: AuditQuery) =>
  queryOptions({
    queryKey: ["admin", "audit", query],
    placeholderData: keepPreviousData,
    queryFn: () =>
      request(
        "GET",
        `/api/admin/audit${queryString(query)}`,
        z.object({ events: z.array(auditEventSchema), total: z.number() }),
      ),
  });

/** The address of the same part of the log, all pages, as a file. */
export function auditExportPath({ page: _page, ...filters }: AuditQuery): string {
  return `/api/admin/audit/export${queryString(filters)}`;
}

/** How the server does, looked at again while the page is seen. */
export const healthQuery = queryOptions({
  queryKey: ["admin", "health"],
  queryFn: async () =>
    (await request("GET", "/api/admin/health", z.object({ health: healthSchema }))).health,
  refetchInterval: healthRefreshMs,
  staleTime: 0,
});

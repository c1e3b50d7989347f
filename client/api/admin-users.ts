import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import {
  type AdminUsersQuery,
  accountQuotaSchema,
  adminUserSchema,
  type Decision,
  manyDecisionsSchema,
  type Quota,
  quotaSchema,
  resetLinkSchema,
} from "#shared/admin.ts";
import type { AccountRole } from "#shared/permissions.ts";
import { queryString } from "./query-string.ts";
import { request } from "./request.ts";

const usersKey = ["admin", "users"] as const;
const userAnswer = z.object({ user: adminUserSchema });
const path = (id: string) => `/api/admin/users/${encodeURIComponent(id)}`;

/** One page of the accounts. */
export const adminUsersQuery = (query: AdminUsersQuery) =>
  queryOptions({
    queryKey: [...usersKey, query],
    placeholderData: keepPreviousData,
    queryFn: () =>
      request(
        "GET",
        `/api/admin/users${queryString(query)}`,
        z.object({ users: z.array(adminUserSchema), total: z.number() }),
      ),
  });

/** Looks at every list of an admin again: whatever was done stands in the log too. */
function useAdminChanged() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ["admin"] });
}

/** Approves, rejects, suspends or reinstates one account. */
export function useDecide() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: async (input: { id: string; decision: Decision; reason?: string }) =>
      (
        await request(
          "POST",
          `${path(input.id)}/${input.decision}`,
          userAnswer,
          input.reason ? { reason: input.reason } : {},
        )
      ).user,
    onSettled,
  });
}

/** Approves or rejects many; each is decided for itself. */
export function useDecideMany() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: (input: { ids: string[]; decision: "approve" | "reject"; reason?: string }) =>
      request("POST", `/api/admin/users/${input.decision}`, manyDecisionsSchema, {
        ids: input.ids,
        ...(input.reason ? { reason: input.reason } : {}),
      }),
    onSettled,
  });
}

/** Gives an account another role. */
export function useChangeRole() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: async ({ id, role }: { id: string; role: AccountRole }) =>
      (await request("PATCH", path(id), userAnswer, { role })).user,
    onSettled,
  });
}

/** Signs an account out everywhere; gives how many sessions ended. */
export function useEndSessions() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: async (id: string) =>
      (await request("POST", `${path(id)}/end-sessions`, z.object({ ended: z.number() }), {}))
        .ended,
    onSettled,
  });
}

/** A link, shown once, by which the person sets a new password. */
export function useMakeResetLink() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: ({ id, removeTotp }: { id: string; removeTotp: boolean }) =>
      request("POST", `${path(id)}/reset-link`, resetLinkSchema, removeTotp ? { removeTotp } : {}),
    onSettled,
  });
}

const defaultQuotaPath = "/api/admin/quotas/default";
const defaultQuotaAnswer = z.object({ quota: quotaSchema });
const quotaAnswer = z.object({ quota: accountQuotaSchema });

/** What holds for everyone without limits of their own. */
export const defaultQuotaQuery = queryOptions({
  queryKey: ["admin", "quota", "default"],
  queryFn: async () => (await request("GET", defaultQuotaPath, defaultQuotaAnswer)).quota,
  // Its form begins with what holds now, not with what held when it was last open.
  gcTime: 0,
});

/** What one account may spend, and has spent today. */
export const quotaQuery = (id: string) =>
  queryOptions({
    queryKey: ["admin", "quota", id],
    queryFn: async () => (await request("GET", `${path(id)}/quota`, quotaAnswer)).quota,
    gcTime: 0,
  });

/** Sets the limits of everyone without their own. */
export function useChangeDefaultQuota() {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: (quota: Quota) => request("PUT", defaultQuotaPath, defaultQuotaAnswer, quota),
    onSettled,
  });
}

/** Sets an account's own limits; null: the default holds for it again. */
export function useChangeQuota(id: string) {
  const onSettled = useAdminChanged();
  return useMutation({
    mutationFn: (quota: Quota | null) =>
      quota === null
        ? request("DELETE", `${path(id)}/quota`, quotaAnswer)
        : request("PUT", `${path(id)}/quota`, quotaAnswer, quota),
    onSettled,
  });
}

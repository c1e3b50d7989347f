import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import {
  type ChangeAccountInput,
  type DeleteAccountInput,
  ownAccountSchema,
  recoveryCodesSchema,
  sessionInfoSchema,
  totpSetupSchema,
} from "#shared/account.ts";
import { request, requestNothing } from "./request.ts";
import { forgetSession, meQuery, wipe } from "./session.ts";

const accountAnswer = z.object({ account: ownAccountSchema });

/** One's own account. */
export const accountQuery = queryOptions({
  queryKey: ["account"],
  queryFn: async () => (await request("GET", "/api/account", accountAnswer)).account,
});

/** Where one is signed in. */
export const sessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: async () =>
    (
      await request(
        "GET",
        "/api/account/sessions",
        z.object({ sessions: z.array(sessionInfoSchema) }),
      )
    ).sessions,
});

/** The file with everything that is kept about oneself. */
export const exportPath = "/api/account/export";

/** Shows that it is the person who sits there. */
export interface Confirmation {
  password: string;
  totp?: string;
}

function useRefreshAccount() {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: accountQuery.queryKey }),
      client.invalidateQueries({ queryKey: meQuery.queryKey }),
    ]);
}

/** Changes name, organisation, or (with the password) email. */
export function useChangeAccount() {
  const refresh = useRefreshAccount();
  return useMutation({
    mutationFn: (input: ChangeAccountInput) =>
      request("PATCH", "/api/account", accountAnswer, input),
    onSuccess: refresh,
  });
}

/** Changes the password; other sessions end. */
export function useChangePassword() {
  const refresh = useRefreshAccount();
  return useMutation({
    mutationFn: (input: { current: string; password: string }) =>
      requestNothing("POST", "/api/account/password", input),
    onSuccess: refresh,
  });
}

/** Ends one session, or (with null) all but this one. */
export function useEndSession() {
  const refresh = useRefreshAccount();
  return useMutation({
    mutationFn: (id: string | null) =>
      requestNothing(
        "DELETE",
        id === null ? "/api/account/sessions" : `/api/account/sessions/${encodeURIComponent(id)}`,
      ),
    onSuccess: refresh,
  });
}

/** A new secret for the authenticator app; nothing is on until a code of it was shown. */
export function useBeginTotp() {
  return useMutation({
    mutationFn: (input: Confirmation) =>
      request("POST", "/api/account/totp", totpSetupSchema, input),
  });
}

/** Turns the second factor on; gives the recovery codes, once. */
export function useConfirmTotp() {
  return useMutation({
    mutationFn: (code: string) =>
      request("PUT", "/api/account/totp", recoveryCodesSchema, { code }),
  });
}

/** Turns the second factor off. */
export function useEndTotp() {
  const refresh = useRefreshAccount();
  return useMutation({
    mutationFn: (input: Confirmation) => requestNothing("DELETE", "/api/account/totp", input),
    onSuccess: refresh,
  });
}

/** New recovery codes; those of before no longer count. */
export function useRenewRecoveryCodes() {
  return useMutation({
    mutationFn: (input: Confirmation) =>
      request("POST", "/api/account/recovery-codes", recoveryCodesSchema, input),
  });
}

/** Looks at the account again, once something of it has been shown to the person. */
export function useAccountChanged(): () => void {
  const refresh = useRefreshAccount();
  // What cannot be asked anew is shown as it was.
  return () => void refresh();
}

/** Deletes the account, and what this browser keeps of it. */
export function useDeleteAccount(accountId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: DeleteAccountInput) => requestNothing("DELETE", "/api/account", input),
    onSuccess: async () => {
      forgetSession(client);
      await wipe(accountId, null);
    },
  });
}

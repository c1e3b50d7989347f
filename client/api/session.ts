import {
  type QueryClient,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { z } from "zod";
import { type User, userSchema } from "#shared/http.ts";
import type { UnsentWords } from "../editor/unsent-words.ts";
import { ApiError, request, requestNothing } from "./request.ts";

const answerSchema = z.object({ user: userSchema });

/** Who is signed in. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<User | null> => {
    try {
      return (await request("GET", "/api/me", answerSchema)).user;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
  // Until the server answers, nothing can be shown: ask for as long as it takes.
  retry: (_failures, error) =>
    error instanceof ApiError && (error.status === 0 || error.status === 503),
  retryDelay: (failures) => Math.min(250 * 2 ** failures, 4_000),
});

/** Who is signed in; null: nobody. */
export function useMe() {
  return useQuery(meQuery);
}

/** Asks again who is signed in, after something hinted that the session is over; whether it is not. */
export async function recheckMe(client: QueryClient): Promise<boolean> {
  await client.invalidateQueries({ queryKey: meQuery.queryKey });
  return client.getQueryData(meQuery.queryKey) !== null;
}

/** What signing in needs; the code where the account has a second factor. */
export interface SignInChoice {
  email: string;
  password: string;
  totp?: string;
}

/** Signs in; what another account had cached goes. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (input: SignInChoice) =>
      (await request("POST", "/api/sign-in", answerSchema, input)).user,
    onSuccess: (user) => {
      client.clear();
      client.setQueryData(meQuery.queryKey, user);
    },
  });
}

/** Nobody is signed in any more; what open pages show stays until the next one signs in. */
export function markSignedOut(client: QueryClient): void {
  client.setQueryData(meQuery.queryKey, null);
}

/** Nobody is signed in any more: whatever the server said to the account is forgotten. */
export function forgetSession(client: QueryClient): void {
  markSignedOut(client);
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== meQuery.queryKey[0] });
}

/**
 * Signs out and removes what this browser keeps of the account; `kept` words stay for the next time.
 * A session that is already over counts as signed out.
 */
export function useSignOut(accountId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (kept: UnsentWords | null) => {
      try {
        await requestNothing("POST", "/api/sign-out", { keepDrafts: kept !== null });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      }
    },
    onSuccess: async (_nothing, kept) => {
      forgetSession(client);
      await wipe(accountId, kept);
    },
  });
}

/** Removes what this browser keeps of the account; what reads it is loaded with the editor, or now. */
export async function wipe(accountId: string, kept: UnsentWords | null): Promise<void> {
  const { wipeAccount } = await import("../editor/unsent-words.ts");
  await wipeAccount(accountId, kept);
}

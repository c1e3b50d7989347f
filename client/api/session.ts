import {
  type QueryClient,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { z } from "zod";
import { type User, userSchema } from "#shared/http.ts";
import { ApiError, request, requestNothing } from "./request.ts";

const answerSchema = z.object({ user: userSchema });

const meQuery = queryOptions({
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

/** Signs in; what another account had cached goes. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (input: { email: string; password: string }) =>
      (await request("POST", "/api/sign-in", answerSchema, input)).user,
    onSuccess: (user) => {
      client.clear();
      client.setQueryData(meQuery.queryKey, user);
    },
  });
}

/** Signs out; a session that is already over counts as signed out. */
export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      try {
        await requestNothing("POST", "/api/sign-out");
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      }
    },
    onSuccess: () => {
      client.setQueryData(meQuery.queryKey, null);
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== meQuery.queryKey[0] });
    },
  });
}

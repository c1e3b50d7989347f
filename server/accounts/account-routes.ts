import { Router } from "express";
import { signOutInputSchema } from "#shared/account.ts";
import { signInInputSchema, type User } from "#shared/http.ts";
import type { Endpoints } from "../http/endpoint.ts";
import { anyAccount } from "../http/permission.ts";
import type { Session } from "../http/session.ts";
import type { Accounts } from "./accounts.ts";

/** Signing in and out, and who one is. */
export function createAccountRoutes(accounts: Accounts, endpoints: Endpoints): Router {
  const router = Router();

  router.post(
    "/sign-in",
    endpoints.anyone(
      async ({ input, request, sender }) => {
        const { cookie: cookieHeader } = request.headers;
        const { user, setCookie } = await accounts.signIn(input, { sender, cookieHeader });
        return { json: { user }, setCookie };
      },
      { input: signInInputSchema, throttle: "signIn" },
    ),
  );

  router.post(
    "/sign-out",
    endpoints.anyone(
      async ({ input, request, sender }) => {
        const { setCookie } = await accounts.signOut(request.headers.cookie, sender);
        // Never "cookies": that would sign out of every site under the same registered domain.
        const clearSiteData = input.keepDrafts === false ? '"cache", "storage"' : '"cache"';
        return { status: 204, setCookie, clearSiteData };
      },
      { input: signOutInputSchema },
    ),
  );

  router.get(
    "/me",
    endpoints.permitted(anyAccount, async ({ session }) => ({ json: { user: toUser(session) } })),
  );

  return router;
}

function toUser({ actor, email }: Session): User {
  return { id: actor.id, email, name: actor.name, role: actor.role };
}

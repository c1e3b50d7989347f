import { Router } from "express";
import { signInInputSchema, type User } from "#shared/http.ts";
import { type Endpoints, nothing } from "../http/endpoint.ts";
import { anyAccount } from "../http/permission.ts";
import type { Session } from "../http/session.ts";
import type { Accounts } from "./accounts.ts";

/** Signing in and out, and who one is. */
export function createAccountRoutes(accounts: Accounts, endpoints: Endpoints): Router {
  const router = Router();

  router.post(
    "/sign-in",
    endpoints.anyone(
      async ({ input }) => {
        const { user, setCookie } = await accounts.signIn(input);
        return { json: { user }, setCookie };
      },
      { input: signInInputSchema },
    ),
  );

  router.post(
    "/sign-out",
    endpoints.anyone(
      async ({ request }) => {
        const { setCookie } = await accounts.signOut(request.headers.cookie);
        return { status: 204, setCookie };
      },
      { input: nothing },
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

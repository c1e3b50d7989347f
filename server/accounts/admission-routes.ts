import { Router } from "express";
import { signUpInputSchema } from "#shared/account.ts";
import {
  adminUsersQuerySchema,
  changeRoleInputSchema,
  type Decision,
  decisionInputSchema,
  decisions,
  manyDecisionsInputSchema,
} from "#shared/admin.ts";
import { AppError } from "../errors.ts";
import { type Endpoints, nothing, pathId, queryOf } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { AccountDecisions, Decider } from "./account-decisions.ts";
import type { AccountList } from "./account-list.ts";
import type { SignUp } from "./sign-up.ts";

interface AdmissionRoutesOptions {
  signUp: SignUp;
  accountDecisions: AccountDecisions;
  list: AccountList;
  endpoints: Endpoints;
}

/** Asking to join, and what admins decide on accounts. */
export function createAdmissionRoutes(options: AdmissionRoutesOptions): Router {
  const { signUp, accountDecisions, list, endpoints } = options;
  const router = Router();

  router.post(
    "/sign-up",
    endpoints.anyone(
      async ({ input, sender }) => {
        await signUp(input, sender);
        return { status: 202, json: { status: "pending" } };
      },
      { input: signUpInputSchema, throttle: "signUp" },
    ),
  );

  router.get(
    "/admin/users",
    endpoints.permitted(globally("administer"), async ({ request }) => ({
      json: await list.find(queryOf(request, adminUsersQuerySchema)),
    })),
  );

  for (const decision of ["approve", "reject"] as const)
    router.post(
      `/admin/users/${decision}`,
      endpoints.permitted(
        globally("administer"),
        async ({ input: { ids, reason }, session: { actor }, sender }) => ({
          json: await decideMany(decision, ids, reason || null, { actor, sender }),
        }),
        { input: manyDecisionsInputSchema },
      ),
    );

  for (const decision of decisions)
    router.post(
      `/admin/users/:id/${decision}`,
      endpoints.permitted(
        globally("administer"),
        async ({ input: { reason }, request, session: { actor }, sender }) => {
          const by = { actor, sender };
          const id = pathId(request, "id");
          const user = await accountDecisions.decide(decision, id, reason || null, by);
          return { json: { user } };
        },
        { input: decisionInputSchema },
      ),
    );

  router.patch(
    "/admin/users/:id",
    endpoints.permitted(
      globally("administer"),
      async ({ input: { role }, request, session: { actor }, sender }) => {
        const id = pathId(request, "id");
        return { json: { user: await accountDecisions.changeRole(id, role, { actor, sender }) } };
      },
      { input: changeRoleInputSchema },
    ),
  );

  router.post(
    "/admin/users/:id/end-sessions",
    endpoints.permitted(
      globally("administer"),
      async ({ request, session: { actor }, sender }) => {
        const by = { actor, sender };
        return { json: { ended: await accountDecisions.endSessions(pathId(request, "id"), by) } };
      },
      { input: nothing },
    ),
  );

  /** Each for itself and one after the other: what one is refused for stops no other. */
  async function decideMany(
    decision: Decision,
    ids: readonly string[],
    reason: string | null,
    by: Decider,
  ) {
    const users = [];
    const refused = [];
    for (const id of new Set(ids)) {
      try {
        users.push(await accountDecisions.decide(decision, id, reason, by));
      } catch (error) {
        if (!(error instanceof AppError) || error.status === 401) throw error;
        refused.push({ id, code: error.code, message: error.message });
      }
    }
    return { users, refused };
  }

  return router;
}

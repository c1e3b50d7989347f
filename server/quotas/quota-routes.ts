import { Router } from "express";
import { quotaInputSchema } from "#shared/admin.ts";
import { type Asked, type Endpoints, pathId } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { Changer, Quotas } from "./quotas.ts";

const administer = globally("administer");

/** What accounts may spend on generation, for admins. */
export function createQuotaRoutes(quotas: Quotas, { permitted }: Endpoints): Router {
  const router = Router();

  router
    .route("/admin/quotas/default")
    .get(permitted(administer, async () => ({ json: { quota: await quotas.readDefault() } })))
    .put(
      permitted(
        administer,
        async (asked) => ({
          json: { quota: await quotas.setDefault(asked.input, changer(asked)) },
        }),
        { input: quotaInputSchema },
      ),
    );

  router
    .route("/admin/users/:id/quota")
    .get(
      permitted(administer, async ({ request }) => ({
        json: { quota: await quotas.ofAccount(pathId(request, "id")) },
      })),
    )
    .put(
      permitted(
        administer,
        async (asked) => {
          const accountId = pathId(asked.request, "id");
          return {
            json: { quota: await quotas.setForAccount(accountId, asked.input, changer(asked)) },
          };
        },
        { input: quotaInputSchema },
      ),
    )
    .delete(
      permitted(administer, async (asked) => {
        const accountId = pathId(asked.request, "id");
        return { json: { quota: await quotas.clearForAccount(accountId, changer(asked)) } };
      }),
    );

  return router;
}

function changer({ session, sender }: Pick<Asked<unknown>, "session" | "sender">): Changer {
  return { actorId: session.actor.id, sender };
}

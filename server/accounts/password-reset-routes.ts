import { Router } from "express";
import { passwordResetInputSchema, passwordResetRequestSchema } from "#shared/account.ts";
import { resetLinkInputSchema } from "#shared/admin.ts";
import { type Endpoints, pathId } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { PasswordResets } from "./password-resets.ts";

/** Links that set a new password: asked for, handed over by an admin, used. */
export function createPasswordResetRoutes(resets: PasswordResets, endpoints: Endpoints): Router {
  const router = Router();
  const { anyone, permitted } = endpoints;
  router.post(
    "/password-resets",
    anyone(async ({ input }) => ({ status: 202, json: resets.ask(input.email) }), {
      input: passwordResetRequestSchema,
      throttle: "passwordReset",
    }),
  );
  router.post(
    "/password-resets/use",
    anyone(
      async ({ input, sender }) => {
        await resets.use(input, sender);
        return { status: 204 };
      },
      { input: passwordResetInputSchema, throttle: "resetLink" },
    ),
  );
  router.post(
    "/admin/users/:id/reset-link",
    permitted(
      globally("administer"),
      async ({ session, request, input, sender }) => {
        const { removeTotp = false } = input;
        const accountId = pathId(request, "id");
        return { json: await resets.link(session, accountId, { removeTotp, sender }) };
      },
      { input: resetLinkInputSchema },
    ),
  );
  return router;
}

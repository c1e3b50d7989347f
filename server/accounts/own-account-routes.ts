import { type Request, Router } from "express";
import {
  changeAccountInputSchema,
  changePasswordInputSchema,
  confirmationInputSchema,
  totpCodeInputSchema,
} from "#shared/account.ts";
import { type Endpoints, pathId } from "../http/endpoint.ts";
import { anyAccount } from "../http/permission.ts";
import type { OwnAccounts } from "./own-account.ts";
import type { OwnSecondFactor } from "./own-second-factor.ts";
import type { OwnSessions } from "./own-sessions.ts";

interface OwnAccountRoutesOptions {
  ownAccounts: OwnAccounts;
  ownSessions: OwnSessions;
  ownSecondFactor: OwnSecondFactor;
  endpoints: Endpoints;
}

/** What everyone may do with the account that is signed in. */
export function createOwnAccountRoutes(options: OwnAccountRoutesOptions): Router {
  const router = Router();
  addProfileRoutes(router, options);
  addSessionRoutes(router, options);
  addSecondFactorRoutes(router, options);
  return router;
}

function addProfileRoutes(router: Router, options: OwnAccountRoutesOptions): void {
  const { ownAccounts, endpoints } = options;
  const { permitted } = endpoints;
  router
    .route("/account")
    .get(
      permitted(anyAccount, async ({ session }) => ({
        json: { account: await ownAccounts.read(session) },
      })),
    )
    .patch(
      permitted(
        anyAccount,
        async ({ session, input, sender }) => ({
          json: { account: await ownAccounts.change(session, input, sender) },
        }),
        { input: changeAccountInputSchema, throttle: "confirmation" },
      ),
    );
  router.post(
    "/account/password",
    permitted(
      anyAccount,
      async ({ session, input, sender }) => {
        await ownAccounts.changePassword(session, input, sender);
        return { status: 204 };
      },
      { input: changePasswordInputSchema, throttle: "confirmation" },
    ),
  );
}

function addSessionRoutes(router: Router, options: OwnAccountRoutesOptions): void {
  const { ownSessions, endpoints } = options;
  const { permitted } = endpoints;
  router
    .route("/account/sessions")
    .get(
      permitted(anyAccount, async ({ session }) => ({
        json: { sessions: await ownSessions.list(session) },
      })),
    )
    .delete(
      permitted(anyAccount, async ({ session, sender }) => {
        await ownSessions.endOthers(session, sender);
        return { status: 204 };
      }),
    );
  router.delete(
    "/account/sessions/:id",
    permitted(anyAccount, async ({ session, request, sender }) => {
      await ownSessions.end(session, idOf(request), sender);
      return { status: 204 };
    }),
  );
}

function addSecondFactorRoutes(router: Router, options: OwnAccountRoutesOptions): void {
  const { ownSecondFactor, endpoints } = options;
  const { permitted } = endpoints;
  const confirmed = { input: confirmationInputSchema, throttle: "confirmation" } as const;
  router
    .route("/account/totp")
    .post(
      permitted(
        anyAccount,
        async ({ session, sender, input: confirmation }) => ({
          json: await ownSecondFactor.setUp({ session, sender, confirmation }),
        }),
        confirmed,
      ),
    )
    .put(
      permitted(
        anyAccount,
        async ({ session, sender, input }) => ({
          json: await ownSecondFactor.confirmSetup(session, input.code, sender),
        }),
        { input: totpCodeInputSchema, throttle: "confirmation" },
      ),
    )
    .delete(
      permitted(
        anyAccount,
        async ({ session, sender, input: confirmation }) => {
          await ownSecondFactor.takeOff({ session, sender, confirmation });
          return { status: 204 };
        },
        confirmed,
      ),
    );
  router.post(
    "/account/recovery-codes",
    permitted(
      anyAccount,
      async ({ session, sender, input: confirmation }) => ({
        json: await ownSecondFactor.renewRecoveryCodes({ session, sender, confirmation }),
      }),
      confirmed,
    ),
  );
}

function idOf(request: Request): string {
  return pathId(request, "id");
}

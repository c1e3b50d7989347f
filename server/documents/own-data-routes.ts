import { Router } from "express";
import { deleteAccountInputSchema } from "#shared/account.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Endpoints } from "../http/endpoint.ts";
import { anyAccount } from "../http/permission.ts";
import type { Departure } from "./departure.ts";
import type { WriteOwnData } from "./own-data.ts";

interface OwnDataRoutesOptions {
  audit: AuditLog;
  writeOwnData: WriteOwnData;
  departure: Departure;
  /** Makes the browser forget the session of an account that is gone. */
  blankCookie: string;
  endpoints: Endpoints;
}

/** Taking one's data away, and leaving. */
export function createOwnDataRoutes(options: OwnDataRoutesOptions): Router {
  const { audit, writeOwnData, departure, blankCookie, endpoints } = options;
  const { permitted } = endpoints;
  const router = Router();

  router.get(
    "/account/export",
    permitted(anyAccount, async ({ session, sender }) => {
      const { id } = session.actor;
      const target = { kind: "account", id } as const;
      await audit.record({ action: "account.exported", actorId: id, target, sender });
      return {
        download: {
          contents: writeOwnData(id),
          fileName: `palimpsest-${new Date().toISOString().slice(0, 10)}.json`,
          contentType: "application/json; charset=utf-8",
        },
      };
    }),
  );

  router.delete(
    "/account",
    permitted(
      anyAccount,
      async ({ session, input, sender }) => {
        await departure.leave(session, input, sender);
        return { status: 204, setCookie: blankCookie, clearSiteData: '"cache"' };
      },
      { input: deleteAccountInputSchema, throttle: "confirmation" },
    ),
  );

  return router;
}

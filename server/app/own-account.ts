import type { Router } from "express";
import type { Accounts } from "../accounts/accounts.ts";
import { createConfirm } from "../accounts/confirmation.ts";
import { createOwnAccounts } from "../accounts/own-account.ts";
import { createOwnAccountRoutes } from "../accounts/own-account-routes.ts";
import { createOwnSecondFactor } from "../accounts/own-second-factor.ts";
import { createOwnSessions } from "../accounts/own-sessions.ts";
import { createPasswordResetRoutes } from "../accounts/password-reset-routes.ts";
import { createPasswordResets } from "../accounts/password-resets.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Endpoints } from "../http/endpoint.ts";
import type { Mail } from "../mail/mail.ts";
import type { Logger } from "../observability/logger.ts";
import type { News } from "./news.ts";

/** What people do with their own account, and how they come back into it. */
export interface OwnAccountParts {
  routers: (endpoints: Endpoints) => Router[];
  /** Resolves once every mail that was asked for is queued. */
  settled: () => Promise<void>;
}

interface OwnAccountOptions {
  database: Database;
  accounts: Accounts;
  audit: AuditLog;
  mail: Mail;
  news: News;
  /** The one to show in links. */
  origin: string;
  /** Whether an admin has to have a second factor. */
  requireTotp: boolean;
  logger: Logger;
}

export function createOwnAccountParts(options: OwnAccountOptions): OwnAccountParts {
  const { database, accounts, news, origin: publicOrigin } = options;
  const { secondFactor } = accounts;
  const parts = {
    ...options,
    secondFactor,
    confirm: createConfirm({ database, secondFactor }),
    publicOrigin,
    now: Date.now,
    onSessionEnded: (sessionId: string) => news.sessionEnded(sessionId),
    onTotpChanged: (accountId: string) => news.accountChanged(accountId),
    onRenamed: (accountId: string) => news.accountRenamed(accountId),
  };
  const resets = createPasswordResets(parts);
  const own = {
    ownAccounts: createOwnAccounts(parts),
    ownSessions: createOwnSessions(parts),
    ownSecondFactor: createOwnSecondFactor(parts),
  };
  return {
    routers: (endpoints) => [
      createOwnAccountRoutes({ ...own, endpoints }),
      createPasswordResetRoutes(resets, endpoints),
    ],
    settled: () => resets.settled(),
  };
}

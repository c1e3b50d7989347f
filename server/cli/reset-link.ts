import type { Command } from "commander";
import { createAccounts } from "../accounts/accounts.ts";
import { createPasswordResets } from "../accounts/password-resets.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { createMailService } from "../mail/mail-service.ts";
import { withDatabase } from "./with-database.ts";

interface ResetLinkOptions {
  email: string;
  removeTotp?: boolean;
}

/** `reset-link`: the way back in for the only admin. */
export function registerResetLinkCommand(program: Command): void {
  program
    .command("reset-link")
    .description("make a link with which a person sets a new password, good once and for a day")
    .requiredOption("--email <email>", "what the person signs in with")
    .option("--remove-totp", "take the second factor off too, once the link is used")
    .action(makeLink);
}

async function makeLink({ email, removeTotp = false }: ResetLinkOptions): Promise<void> {
  await withDatabase(async ({ database, config, logger }) => {
    const audit = createAuditLog(database);
    const { secondFactor } = createAccounts({ database, secure: false, audit });
    const [publicOrigin = ""] = config.publicOrigins;
    const resets = createPasswordResets({
      database,
      audit,
      mail: createMailService({ database, smtp: undefined, logger }),
      secondFactor,
      publicOrigin,
      onSessionEnded: () => undefined,
      logger,
      now: Date.now,
    });
    const { url, expiresAt } = await resets.linkFor(email, { removeTotp });
    console.log(`Until ${expiresAt}, and once:\n${url}`);
  });
}

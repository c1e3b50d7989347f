import type { Kysely } from "kysely";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, ConflictError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import type { Mail } from "../mail/mail.ts";
import type { Confirm, Confirmation } from "./confirmation.ts";
import { totpChanged } from "./own-account-mails.ts";
import { refuseWeakPassword } from "./password-policy.ts";
import { forgetRecoveryCodes, makeRecoveryCodes, storeRecoveryCodes } from "./recovery-codes.ts";
import { wrongSetupCode } from "./refusals.ts";
import { newTotpSecret, totpStep, totpUri } from "./totp.ts";
import { transact } from "./transact.ts";

/** The second factor of the account that asks. All but `confirmSetup` throw as Confirm does. */
export interface OwnSecondFactor {
  /** A new secret for the authenticator app; what was set up before goes on until it is confirmed. */
  setUp(asked: Confirmed): Promise<{ secret: string; uri: string }>;
  /** Throws InvalidError where the app does not show this code, ConflictError `no_totp_setup`. */
  confirmSetup(session: Session, code: string, sender: Sender): Promise<RecoveryCodes>;
  /** Throws InvalidError where the password is too short to be alone. */
  takeOff(asked: Confirmed): Promise<void>;
  /** Puts new codes in the place of the old ones. Throws ConflictError `no_totp`. */
  renewRecoveryCodes(asked: Confirmed): Promise<RecoveryCodes>;
}

interface Confirmed {
  session: Session;
  sender: Sender;
  confirmation: Confirmation;
}

interface RecoveryCodes {
  /** Shown once. */
  recoveryCodes: string[];
}

interface OwnSecondFactorOptions {
  database: Database;
  audit: AuditLog;
  confirm: Confirm;
  mail: Mail;
  now: () => number;
  /** Called after an account has got or lost its second factor: an admin's role hangs on it. */
  onTotpChanged: (accountId: string) => Promise<void>;
}

export function createOwnSecondFactor(options: OwnSecondFactorOptions): OwnSecondFactor {
  const { audit, confirm, mail, now, onTotpChanged } = options;
  const { kysely } = options.database;

  async function tell(
    transaction: Kysely<Tables>,
    { id, email }: { id: string; email: string },
    { on, sender }: { on: boolean; sender: Sender },
  ): Promise<void> {
    const action = on ? "account.totp_enabled" : "account.totp_disabled";
    const target = { kind: "account", id } as const;
    await audit.record({ action, actorId: id, target, sender }, transaction);
    await mail.send(totpChanged({ to: email, on }), transaction);
  }

  return {
    setUp: (asked) =>
      confirm(asked, async (transaction, { id, email }) => {
        const secret = newTotpSecret();
        await transaction
          .updateTable("users")
          .set({ totp_pending_secret: secret })
          .where("id", "=", id)
          .execute();
        return { secret, uri: totpUri(secret, email) };
      }),

    async confirmSetup({ actor }, code, sender) {
      const { codes, hashes } = await makeRecoveryCodes(actor.id);
      await transact(kysely, async (transaction) => {
        const { email } = await takePending(transaction, actor.id, { code, now: now() });
        await storeRecoveryCodes(transaction, actor.id, hashes);
        await tell(transaction, { id: actor.id, email }, { on: true, sender });
      });
      await onTotpChanged(actor.id);
      return { recoveryCodes: codes };
    },

    async takeOff(asked) {
      await confirm(asked, async (transaction, account) => {
        if (account.totp_secret === null) throw noTotp();
        requireLongPassword(asked.confirmation.password, account);
        await removeTotp(transaction, account.id);
        await tell(transaction, account, { on: false, sender: asked.sender });
      });
      await onTotpChanged(asked.session.actor.id);
    },

    async renewRecoveryCodes(asked) {
      const { codes, hashes } = await makeRecoveryCodes(asked.session.actor.id);
      return confirm(asked, async (transaction, { id, totp_secret }) => {
        if (totp_secret === null) throw noTotp();
        await storeRecoveryCodes(transaction, id, hashes);
        const target = { kind: "account", id } as const;
        const action = "account.recovery_codes_renewed";
        await audit.record({ action, actorId: id, target, sender: asked.sender }, transaction);
        return { recoveryCodes: codes };
      });
    },
  };
}

/** The account has no second factor from here on, nor codes for one. */
export async function removeTotp(transaction: Kysely<Tables>, accountId: string): Promise<void> {
  await transaction
    .updateTable("users")
    .set({ totp_secret: null, totp_pending_secret: null, totp_last_step: null })
    .where("id", "=", accountId)
    .execute();
  await forgetRecoveryCodes(transaction, accountId);
}

/** Makes the pending secret the account's, once; its first code is used up. */
async function takePending(
  transaction: Kysely<Tables>,
  accountId: string,
  { code, now }: { code: string; now: number },
): Promise<{ email: string }> {
  const row = await transaction
    .selectFrom("users")
    .select(["email", "totp_pending_secret"])
    .where("id", "=", accountId)
    .forUpdate()
    .executeTakeFirst();
  const secret = row?.totp_pending_secret ?? null;
  if (row === undefined || secret === null) throw noSetup();
  const step = totpStep(secret, code.replace(/\s/g, ""), now);
  if (step === undefined) throw wrongSetupCode();
  await transaction
    .updateTable("users")
    .set({ totp_secret: secret, totp_pending_secret: null, totp_last_step: step })
    .where("id", "=", accountId)
    .execute();
  return { email: row.email };
}

/** A password that was long enough beside a second factor may be too short without one. */
function requireLongPassword(password: string, account: { email: string; name: string }): void {
  try {
    refuseWeakPassword({ ...account, password, withTotp: false });
  } catch (cause) {
    const message =
      "Your password is too weak to be alone. Change it to a longer one first, then take the second factor off.";
    throw new AppError("invalid", 400, message, { details: { field: "password" }, cause });
  }
}

function noTotp(): ConflictError {
  return new ConflictError("no_totp", "This account has no second factor.");
}

function noSetup(): ConflictError {
  const message = "There is no setup to confirm. Begin again.";
  return new ConflictError("no_totp_setup", message);
}

import type { Kysely, Selectable } from "kysely";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, SignedOutError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import { verifyPassword } from "./passwords.ts";
import { secondFactorRefusal, wrongPassword } from "./refusals.ts";
import type { SecondFactor } from "./second-factor.ts";
import { transact } from "./transact.ts";

/** What the person types to show that it is they who sit there. */
export interface Confirmation {
  password: string;
  totp?: string | undefined;
}

export type ConfirmedAccount = Pick<
  Selectable<Tables["users"]>,
  "id" | "email" | "name" | "role" | "password_hash" | "totp_secret"
>;

interface Asked {
  session: Session;
  sender: Sender;
  confirmation: Confirmation;
  /** Where the password stands in the input; else `password`. */
  field?: string;
  /** For what the second factor does not protect. */
  passwordOnly?: boolean;
}

/**
 * Runs `change` in a transaction that holds the account's row, once the password and, where there is
 * one, the second factor were right. Throws AppError `wrong_password`, `totp_required` or
 * `invalid_totp` (403); the code counts as used only if `change` succeeds.
 */
export type Confirm = <Result>(
  asked: Asked,
  change: (transaction: Kysely<Tables>, account: ConfirmedAccount) => Promise<Result>,
) => Promise<Result>;

export function createConfirm(options: {
  database: Database;
  secondFactor: SecondFactor;
}): Confirm {
  const { secondFactor } = options;
  const { kysely } = options.database;
  return async (asked, change) => {
    const { session, sender, field = "password", passwordOnly = false } = asked;
    const { password, totp } = asked.confirmation;
    const account = await readAccount(kysely, session.actor.id);
    if (!(await verifyPassword(account.password_hash, password))) throw wrongPassword(field);
    const factor = await secondFactor.read(account, totp);
    return transact(kysely, async (transaction) => {
      const held = await readAccount(transaction, account.id);
      if (held.password_hash !== account.password_hash) throw wrongPassword(field);
      if (held.totp_secret !== account.totp_secret) throw changedMeanwhile();
      const problem = passwordOnly
        ? undefined
        : await secondFactor.take(transaction, held, factor, sender);
      if (problem !== undefined) throw secondFactorRefusal(problem, 403);
      return change(transaction, held);
    });
  };
}

/** The active account; inside a transaction its row is held until the end. */
async function readAccount(connection: Kysely<Tables>, id: string): Promise<ConfirmedAccount> {
  const query = connection
    .selectFrom("users")
    .select(["id", "email", "name", "role", "password_hash", "totp_secret"])
    .where("id", "=", id)
    .where("status", "=", "active");
  const row = await (connection.isTransaction ? query.forUpdate() : query).executeTakeFirst();
  if (row === undefined) throw new SignedOutError();
  return row;
}

function changedMeanwhile(): AppError {
  const message = "Your second factor was changed a moment ago. Look again, and try once more.";
  return new AppError("changed_meanwhile", 409, message);
}

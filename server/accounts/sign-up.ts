import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { SignUpInput } from "#shared/account.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { Sender } from "../http/sender.ts";
import type { Mail } from "../mail/mail.ts";
import { knownEmailMail, requestMail } from "./admission-mails.ts";
import { refuseWeakPassword } from "./password-policy.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { transact } from "./transact.ts";

/**
 * Takes a request to join. Its caller learns nothing of the email: for a known one the same is done
 * and answered in the same time. A rejected person asks again with the same password, which shows
 * that it is the same person. Throws InvalidError for a weak password.
 */
export type SignUp = (request: SignUpInput, sender: Sender) => Promise<void>;

interface SignUpOptions {
  database: Database;
  audit: AuditLog;
  mail: Mail;
  /** What browsers open, for links in mails. */
  origin: string;
  onQueueChanged: () => void;
}

export function createSignUp(options: SignUpOptions): SignUp {
  const { database, audit, mail, origin, onQueueChanged } = options;
  const { kysely } = database;
  const hashOfNobody = hashPassword(randomBytes(16).toString("hex"));

  async function record(
    transaction: Kysely<Tables>,
    account: { id: string } | undefined,
    sender: Sender,
    details: { role: string; outcome: "asked" | "asked_again" | "known_email" },
  ): Promise<void> {
    const target = account && ({ kind: "account", id: account.id } as const);
    await audit.record(
      {
        action: "account.signed_up",
        actorId: null,
        ...(target === undefined ? {} : { target }),
        sender,
        details,
      },
      transaction,
    );
  }

  async function tellAdmins(transaction: Kysely<Tables>, request: SignUpInput): Promise<void> {
    if (!mail.configured) return;
    const admins = await transaction
      .selectFrom("users")
      .select(["email", "name"])
      .where("role", "=", "admin")
      .where("status", "=", "active")
      .execute();
    for (const admin of admins)
      await mail.send(requestMail({ ...admin, origin }, request), transaction);
  }

  async function tellKnown(transaction: Kysely<Tables>, account: KnownAccount): Promise<void> {
    const letter = knownEmailMail({ ...account, origin });
    if (!mail.configured || (await wasToldToday(transaction, letter))) return;
    await mail.send(letter, transaction);
  }

  return async (request, sender) => {
    const { email, name, password, role } = request;
    refuseWeakPassword({ password, email, name, withTotp: false });
    const known = await findKnown(kysely, email);
    const passwordHash = await hashPassword(password);
    const isSame = await verifyPassword(known?.password_hash ?? (await hashOfNobody), password);
    const waits = await transact(kysely, async (transaction) => {
      const again = known?.status === "rejected" && isSame;
      const account = again
        ? await askAgain(transaction, known, request)
        : await insertRequest(transaction, request, passwordHash);
      const outcome = account === undefined ? "known_email" : again ? "asked_again" : "asked";
      await record(transaction, account ?? known, sender, { role, outcome });
      if (account !== undefined) await tellAdmins(transaction, request);
      else if (known !== undefined) await tellKnown(transaction, known);
      return account !== undefined;
    });
    if (waits) onQueueChanged();
  };
}

type KnownAccount = NonNullable<Awaited<ReturnType<typeof findKnown>>>;

function findKnown(kysely: Kysely<Tables>, email: string) {
  return kysely
    .selectFrom("users")
    .select(["id", "email", "name", "status", "password_hash"])
    .where(sql<string>`lower(email)`, "=", email.toLowerCase())
    .executeTakeFirst();
}

/** Undefined where the email has an account: of two requests at once one is the first. */
function insertRequest(
  transaction: Kysely<Tables>,
  { email, name, organisation, reason, role }: SignUpInput,
  passwordHash: string,
) {
  return transaction
    .insertInto("users")
    .values({
      id: randomBytes(12).toString("base64url"),
      email,
      name,
      organisation: organisation || null,
      reason: reason || null,
      role,
      status: "pending",
      password_hash: passwordHash,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
}

/** The rejected request waits anew, as it is written now; undefined where it was decided meanwhile. */
function askAgain(
  transaction: Kysely<Tables>,
  { id, password_hash: passwordHash }: KnownAccount,
  { name, organisation, reason, role }: SignUpInput,
) {
  return transaction
    .updateTable("users")
    .set({ name, organisation: organisation || null, reason: reason || null, role })
    .set({ status: "pending", status_reason: null })
    .set({ status_changed_by: null, status_changed_at: null })
    .set({ access_epoch: sql`access_epoch + 1` })
    .where("id", "=", id)
    .where("status", "=", "rejected")
    .where("password_hash", "=", passwordHash)
    .returning("id")
    .executeTakeFirst();
}

/** One such mail a day is enough, however often somebody types another's email. */
async function wasToldToday(
  transaction: Kysely<Tables>,
  { to, subject }: { to: string; subject: string },
): Promise<boolean> {
  const row = await transaction
    .selectFrom("mails")
    .select("id")
    .where("recipient", "=", to)
    .where("subject", "=", subject)
    .where("created_at", ">", sql<Date>`now() - interval '1 day'`)
    .executeTakeFirst();
  return row !== undefined;
}

import { type Kysely, sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { OutgoingMail } from "./mail.ts";

/** A mail that this process has taken on. */
export interface ClaimedMail extends OutgoingMail {
  id: number;
  createdAt: Date;
  /** The one that is about to be made counts. */
  attempts: number;
}

/** Queued mail in the database: it outlives the process, and one process at a time tries a mail. */
export interface Outbox {
  add(mail: OutgoingMail, at: Date, transaction?: Kysely<Tables>): Promise<void>;
  /** The mail that waits longest and is due; nobody else gets it before `leaseMs` have passed. */
  claim(at: Date): Promise<ClaimedMail | undefined>;
  /** It was sent, or will never be; its text is kept no longer. */
  conclude(id: number, end: { sentAt: Date } | { failure: string }): Promise<void>;
  postpone(id: number, until: Date, failure: string): Promise<void>;
  count(): Promise<{ waiting: number; failed: number }>;
}

/** Longer than an attempt can take: a mail that is due again after it was left by a process that died. */
const leaseMs = 10 * 60 * 1000;

export function createOutbox({ kysely }: Database): Outbox {
  return {
    async add({ to, subject, body }, at, transaction = kysely) {
      await transaction
        .insertInto("mails")
        .values({ recipient: to, subject, body, next_attempt_at: at })
        .execute();
    },

    async claim(at) {
      const due = kysely
        .selectFrom("mails")
        .select("id")
        .where("next_attempt_at", "<=", at)
        .orderBy("next_attempt_at")
        .orderBy("id")
        .limit(1)
        .forUpdate()
        .skipLocked();
      const row = await kysely
        .updateTable("mails")
        .set({
          attempts: sql`attempts + 1`,
          next_attempt_at: new Date(at.getTime() + leaseMs),
        })
        .where("id", "=", due)
        .returning(["id", "recipient as to", "subject", "body", "created_at", "attempts"])
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const { created_at: createdAt, ...mail } = row;
      return { ...mail, createdAt };
    },

    async conclude(id, end) {
      const failure = "failure" in end ? end.failure : null;
      const sentAt = "sentAt" in end ? end.sentAt : null;
      await kysely
        .updateTable("mails")
        .set({ body: "", next_attempt_at: null, sent_at: sentAt, failure })
        .where("id", "=", id)
        .execute();
    },

    async postpone(id, until, failure) {
      await kysely
        .updateTable("mails")
        .set({ next_attempt_at: until, failure })
        .where("id", "=", id)
        .execute();
    },

    async count() {
      const { waiting, failed } = await kysely
        .selectFrom("mails")
        .select(({ fn }) => [
          fn.countAll<number>().filterWhere("next_attempt_at", "is not", null).as("waiting"),
          fn
            .countAll<number>()
            .filterWhere("next_attempt_at", "is", null)
            .filterWhere("sent_at", "is", null)
            .as("failed"),
        ])
        .executeTakeFirstOrThrow();
      return { waiting, failed };
    },
  };
}

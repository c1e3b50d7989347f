import type { Kysely } from "kysely";
import type { Tables } from "../database/tables.ts";

/** A plain-text mail to one person. */
export interface OutgoingMail {
  to: string;
  subject: string;
  body: string;
}

/** Mail to people; without an SMTP server nothing is queued and `send` does nothing. */
export interface Mail {
  readonly configured: boolean;
  /** Queues it, in `transaction` where what it tells of is written there; it leaves soon after. */
  send(mail: OutgoingMail, transaction?: Kysely<Tables>): Promise<void>;
  /** How many wait for an attempt, and how many were given up. */
  count(): Promise<{ waiting: number; failed: number }>;
}

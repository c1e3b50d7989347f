import { setTimeout as delay } from "node:timers/promises";
import { cleanLine } from "#shared/plain-text.ts";
import type { Database } from "../database/database.ts";
import { isDatabaseUnavailable } from "../database/unavailable.ts";
import type { Logger } from "../observability/logger.ts";
import type { Mail, OutgoingMail } from "./mail.ts";
import { type ClaimedMail, createOutbox } from "./outbox.ts";
import { type Attempt, createSmtp, type SmtpSettings } from "./smtp.ts";

export interface MailService extends Mail {
  /** Makes an attempt for each mail that is due; resolves when none is left or the server is away. */
  deliver(): Promise<void>;
  /** Lets the attempt under way end, and makes no other. */
  close(): Promise<void>;
}

interface MailServiceOptions {
  database: Database;
  /** Absent: no mail leaves this server. */
  smtp: SmtpSettings | undefined;
  logger: Logger;
  now?: () => Date;
  /** How often the outbox is looked into; what another process has queued waits so long. */
  pollMs?: number;
}

const firstRetryMs = 30_000;
const lastRetryMs = 60 * 60 * 1000;
/** A mail that was not taken for so long is given up. */
const patienceMs = 3 * 24 * 60 * 60 * 1000;
const subjectMaxCharacters = 150;
/** A database that is away while a mail is known to be sent is tried again so often. */
const recordRetryMs = 1_000;

/** Outgoing mail, kept in the database until an SMTP server has taken it. */
export function createMailService(options: MailServiceOptions): MailService {
  const { database, smtp, logger, now = () => new Date(), pollMs = 1_000 } = options;
  const outbox = createOutbox(database);
  const attempt = smtp && createSmtp(smtp);
  const domain = smtp?.from.split("@")[1]?.replace(">", "");
  const closing = new AbortController();
  let delivering: Promise<void> = Promise.resolve();
  const timer = smtp && setInterval(() => void deliver(), pollMs).unref();
  let waiting = 0;

  /** One round at a time; a call during a round is followed by another. */
  function deliver(): Promise<void> {
    if (waiting > 0) return delivering;
    waiting += 1;
    delivering = delivering
      .then(() => {
        waiting -= 1;
        return deliverDue();
      })
      .catch((error: unknown) => {
        const level = isDatabaseUnavailable(error) ? "debug" : "error";
        logger[level]({ error }, "outgoing mail could not be looked up");
      });
    return delivering;
  }

  async function deliverDue(): Promise<void> {
    if (attempt === undefined) return;
    while (!closing.signal.aborted) {
      const mail = await outbox.claim(now());
      if (mail === undefined) return;
      const outcome = await attempt(mail, `<${idOf(mail)}@${domain}>`);
      await recordSurely(mail, outcome);
      if (outcome.kind === "unreachable") return;
    }
  }

  /** What is known to be sent must not be sent again because the database was away just then. */
  async function recordSurely(mail: ClaimedMail, outcome: Attempt): Promise<void> {
    for (;;) {
      try {
        await record(mail, outcome);
        return;
      } catch (error) {
        if (!isDatabaseUnavailable(error) || closing.signal.aborted) throw error;
        await delay(recordRetryMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  async function record(mail: ClaimedMail, outcome: Attempt): Promise<void> {
    const { id, attempts } = mail;
    if (outcome.kind === "sent") return outbox.conclude(id, { sentAt: now() });
    const { kind, failure } = outcome;
    const isOver = now().getTime() - mail.createdAt.getTime() > patienceMs;
    logger.warn({ mailId: id, attempts, kind, failure }, "mail was not taken");
    if (kind === "refused" || isOver) return outbox.conclude(id, { failure });
    await outbox.postpone(id, new Date(now().getTime() + retryAfterMs(attempts)), failure);
  }

  return {
    configured: smtp !== undefined,
    async send(mail, transaction) {
      if (smtp === undefined) return;
      await outbox.add(clean(mail), now(), transaction);
      if (transaction === undefined) void deliver(); // never rejects
    },
    count: () => outbox.count(),
    deliver,
    async close() {
      clearInterval(timer);
      closing.abort();
      await delivering;
    },
  };
}

/** Each failed attempt doubles the wait, up to an hour. */
function retryAfterMs(attempts: number): number {
  return Math.min(firstRetryMs * 2 ** (attempts - 1), lastRetryMs);
}

/** The same at each attempt: where one was cut off after the mail had left, its receiver can tell. */
function idOf({ id, createdAt }: ClaimedMail): string {
  return `${createdAt.getTime()}.${id}`;
}

/** A subject is one line without control characters, so that no header can be smuggled in. */
function clean({ to, subject, body }: OutgoingMail): OutgoingMail {
  const line = cleanLine(subject).replace(/\p{Cc}+/gu, " ");
  return { to: to.trim(), subject: Array.from(line).slice(0, subjectMaxCharacters).join(""), body };
}

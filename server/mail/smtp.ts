import { createTransport } from "nodemailer";
import type { OutgoingMail } from "./mail.ts";

export interface SmtpSettings {
  /** `smtp://user:password@host:port`, or `smtps://…` for TLS from the first byte. */
  url: string;
  /** The sender, as `Name <address>` or an address alone. */
  from: string;
}

/** What became of one attempt. */
export type Attempt =
  | { kind: "sent" }
  /** This mail will never be taken. */
  | { kind: "refused"; failure: string }
  /** It may be taken later. */
  | { kind: "deferred"; failure: string }
  /** The server could not be spoken to: no other mail would fare better now. */
  | { kind: "unreachable"; failure: string };

/** Hands one mail to an SMTP server; never throws for what the server or the network does. */
export type AttemptMail = (mail: OutgoingMail, messageId: string) => Promise<Attempt>;

const timeouts = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 30_000,
} as const;

/** Sends over a connection of its own for each mail; they are few. */
export function createSmtp({ url, from }: SmtpSettings): AttemptMail {
  const transport = createTransport({
    ...readUrl(url),
    ...timeouts,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ to, subject, body }, messageId) => {
    // An address object is taken as it is: no part of it becomes a second recipient.
    const recipient = { name: "", address: to };
    try {
      await transport.sendMail({ from, to: recipient, subject, text: body, messageId });
      return { kind: "sent" };
    } catch (error) {
      return describeFailure(error);
    }
  };
}

function readUrl(text: string) {
  const { protocol, hostname, port, username, password } = new URL(text);
  const secure = protocol === "smtps:";
  const host = hostname.replace(/^\[|\]$/g, "");
  const standardPort = secure ? 465 : 587;
  const server = { host, port: port === "" ? standardPort : Number(port), secure };
  if (username === "") return server;
  const auth = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  // A password goes over the network encrypted or not at all.
  return { ...server, auth, requireTLS: !/^(localhost|127\..*|::1)$/.test(host) };
}

/** What nodemailer's errors carry. */
interface SmtpError extends Error {
  code?: string;
  command?: string;
  responseCode?: number;
}

function describeFailure(error: unknown): Attempt {
  if (!(error instanceof Error)) throw error;
  const { code, command, responseCode = 0, message }: SmtpError = error;
  const failure = message.slice(0, 300);
  if (code !== "EENVELOPE" && code !== "EMESSAGE") return { kind: "unreachable", failure };
  // A refused sender is a wrong setting: the mail goes once it is put right.
  if (command === "MAIL FROM") return { kind: "deferred", failure };
  return { kind: responseCode >= 400 && responseCode < 500 ? "deferred" : "refused", failure };
}

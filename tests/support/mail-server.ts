import { once } from "node:events";
import { SMTPServer } from "smtp-server";
import { freePort } from "./free-port.ts";

/** What an SMTP server was given, as it came over the line. */
export interface ReceivedMail {
  /** The recipients of the envelope. */
  to: string[];
  /** Header and body, unparsed. */
  raw: string;
  /** The body with its transfer encoding undone. */
  text: string;
  subject: string;
}

/** How the server answers a recipient: 250, or with an error of this code. */
type Verdict = (recipient: string) => number | undefined;

/** A real SMTP server on this machine. */
export interface MailServer {
  readonly url: string;
  readonly received: ReceivedMail[];
  /** Refuses recipients from now on as `verdict` says. */
  refuse(verdict: Verdict): void;
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  let verdict: Verdict = () => undefined;
  const port = await freePort();
  let server: SMTPServer | undefined;

  async function start(): Promise<void> {
    server = new SMTPServer({
      authOptional: true,
      // Where no resolver answers it would wait for one at each connection.
      disableReverseLookup: true,
      disabledCommands: ["STARTTLS", "AUTH"],
      onRcptTo({ address }, _session, done) {
        const responseCode = verdict(address);
        done(responseCode === undefined ? null : Object.assign(new Error("no"), { responseCode }));
      },
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const to = session.envelope.rcptTo.map(({ address }) => address);
          received.push({ to, ...readMail(Buffer.concat(chunks).toString("utf8")) });
          done();
        });
      },
    });
    server.listen(port, "127.0.0.1");
    await once(server.server, "listening");
  }

  await start();
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    refuse(next) {
      verdict = next;
    },
    start,
    stop: () => new Promise((resolve) => server?.close(() => resolve())),
  };
}

function readMail(raw: string): Pick<ReceivedMail, "raw" | "text" | "subject"> {
  const [head = "", ...rest] = raw.split("\r\n\r\n");
  const header = head.replace(/\r\n[ \t]+/g, " ");
  const body = rest.join("\r\n\r\n");
  const text = /^content-transfer-encoding: base64/im.test(header)
    ? Buffer.from(body, "base64").toString("utf8")
    : /^content-transfer-encoding: quoted-printable/im.test(header)
      ? decodeQuotedPrintable(body)
      : body;
  const subject = /^subject: (.*)$/im.exec(header)?.[1] ?? "";
  return { raw, text: text.replaceAll("\r\n", "\n").trimEnd(), subject: decodeWords(subject) };
}

function decodeQuotedPrintable(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/gi, (_match, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Encoded words of a header (RFC 2047). */
function decodeWords(header: string): string {
  return header
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_match, kind: string, word: string) =>
      kind.toLowerCase() === "b"
        ? Buffer.from(word, "base64").toString("utf8")
        : decodeQuotedPrintable(word.replaceAll("_", " ")),
    );
}

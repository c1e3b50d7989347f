import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { InvalidError } from "../errors.ts";

/** The new account's password: from standard input as a whole, or asked for without echo. */
export async function readPassword(options: { passwordStdin?: boolean }): Promise<string> {
  return options.passwordStdin === true ? readInput() : ask();
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  // What `echo` and editors add at the end is not part of the password.
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

async function ask(): Promise<string> {
  if (!process.stdin.isTTY)
    throw new InvalidError("There is no terminal to ask for a password: use --password-stdin.");
  process.stderr.write("Password: ");
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}

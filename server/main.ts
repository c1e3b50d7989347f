import { demonstrationAccounts } from "./accounts/demonstration.ts";
import { type App, createApp } from "./app.ts";
import { type Config, readConfig } from "./config.ts";
import { AppError } from "./errors.ts";
import { createLogger } from "./observability/logger.ts";

/** Closing takes a moment; a part that hangs must not keep the process for ever. */
const closeLimitMs = 10_000;

try {
  const config = readConfig();
  const app = await createApp(config, { logger: createLogger(config.logLevel) });
  closeOnSignal(app);
  process.stdout.write(greeting(app.url, config));
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exit(1);
}

function closeOnSignal(app: App): void {
  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
      setTimeout(() => process.exit(1), closeLimitMs).unref();
      void app.close().then(() => process.exit(0)); // close() never rejects
    });
}

function greeting(url: string, { demonstration }: Config): string {
  const address = `Palimpsest is ready at ${url}\n`;
  if (!demonstration) return address;
  const accounts = demonstrationAccounts.map(
    ({ email, role, password }) => `  ${email.padEnd(20)} ${role.padEnd(8)} password ${password}\n`,
  );
  return `${address}This is the demonstration. Sign in as\n${accounts.join("")}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? `The server could not start: ${error.message}` : String(error);
}

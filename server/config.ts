import { join } from "node:path";
import proxyAddress from "proxy-addr";
import { z } from "zod";
import {
  type EngineSettings,
  noEngineSettings,
  type ReadEngines,
  readEnginesFile,
} from "./config/engines-file.ts";
import { AppError } from "./errors.ts";
import { type LogLevel, logLevels } from "./observability/logger.ts";

/** The settings of one server; nothing else reads the environment. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Absent: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** Origins whose pages may write here; the first is the one to show. */
  readonly publicOrigins: readonly string[];
  /** Proxies whose `X-Forwarded-For` is believed: addresses, subnets, or names like "loopback". */
  readonly trustedProxies: readonly string[];
  readonly production: boolean;
  /** Embedded database outside production: the four known accounts exist. */
  readonly demonstration: boolean;
  readonly logLevel: LogLevel;
  /** Absent: no metrics are served. */
  readonly metricsPort: number | undefined;
  readonly modelsDir: string;
  /** Where models are fetched from; the token goes to no other host. */
  readonly hub: { readonly url: string; readonly token: string | undefined };
  /** Megabytes for keys and values of each model; absent: an eighth of the memory. */
  readonly engineMemoryMb: number | undefined;
  /** Engines on other machines. */
  readonly engines: EngineSettings;
  /** Absent: no mail is sent. */
  readonly mail: { readonly url: string; readonly from: string } | undefined;
  /** Where the built page lies. */
  readonly clientDir: string;
}

const projectDir = join(import.meta.dirname, "..");

const port = z
  .string()
  .regex(/^\d{1,5}$/, "must be a port number from 0 to 65535")
  .transform(Number)
  .refine((value) => value <= 65_535, "must be a port number from 0 to 65535");

const databaseUrl = z
  .string()
  .refine(
    (value) => /^postgres(ql)?:$/.test(parseUrl(value)?.protocol ?? ""),
    "must be a connection string like postgres://user:password@host:5432/name",
  );

const origins = z
  .string()
  .transform((value) => value.split(",").map((part) => part.trim()))
  .refine(
    (parts) => parts.every(isOrigin),
    "must be an origin like https://write.example.org (several: separated by commas)",
  )
  .transform((parts) => parts.map((part) => new URL(part).origin));

const proxies = z
  .string()
  .transform((value) => value.split(",").map((part) => part.trim()))
  .refine(
    isProxyList,
    "must be addresses or subnets like 10.0.0.0/8, or loopback (several: separated by commas)",
  );

const smtpUrl = z
  .string()
  .refine(
    (value) => /^smtps?:$/.test(parseUrl(value)?.protocol ?? "") && parseUrl(value)?.hostname,
    "must be an address like smtp://user:password@mail.example.org:587",
  );

const sender = z
  .string()
  .regex(
    /^(?:[^<>@\p{Cc}]*<[^<>\s@,]+@[^<>\s@,]+>|[^<>\s@,]+@[^<>\s@,]+)$/u,
    "must be an email address, or a name with one: Palimpsest <mail@example.org>",
  );

const hubUrl = z
  .string()
  .refine(
    isHubUrl,
    "must be an https address like https://huggingface.co (http only for this machine)",
  )
  .transform((value) => value.replace(/\/+$/, ""));

const environmentSchema = z.object({
  PORT: port.default(3000),
  HOST: z.string().default("127.0.0.1"),
  DATABASE_URL: databaseUrl.optional(),
  DATA_DIR: z.string().default("./data"),
  PUBLIC_ORIGIN: origins.optional(),
  TRUSTED_PROXIES: proxies.default([]),
  METRICS_PORT: port.optional(),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).optional(),
  NODE_ENV: z
    .enum(["production", "development", "test"], "must be production, development or test")
    .default("development"),
  MODELS_DIR: z.string().default(join(projectDir, "models")),
  HUB_URL: hubUrl.default("https://huggingface.co"),
  HUB_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "must be a token of the hub, as it was given")
    .optional(),
  ENGINES_FILE: z.string().optional(),
  ENGINE_MEMORY_MB: z
    .string()
    .regex(/^[1-9]\d{0,7}$/, "must be a number of megabytes")
    .transform(Number)
    .optional(),
  SMTP_URL: smtpUrl.optional(),
  MAIL_FROM: sender.optional(),
});

/**
 * Reads the settings from the environment. Throws AppError `bad_configuration` whose message has
 * one line for each setting that is wrong.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = environmentSchema.safeParse(present);
  const problems = [
    ...unknownVariables(present),
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join(".")} ${issue.message}.`),
  ];
  if (parsed.data?.NODE_ENV === "production" && parsed.data.PUBLIC_ORIGIN === undefined)
    problems.push("PUBLIC_ORIGIN is required in production: the origin that browsers open.");
  if (parsed.data?.SMTP_URL !== undefined && parsed.data.MAIL_FROM === undefined)
    problems.push("MAIL_FROM is required with SMTP_URL: the address that mails come from.");
  const engines = readEngines(parsed.data?.ENGINES_FILE, environment);
  problems.push(...(engines.problems ?? []));
  if (parsed.data === undefined || engines.settings === undefined || problems.length > 0)
    throw new AppError("bad_configuration", 500, problems.join("\n"));
  return toConfig(parsed.data, engines.settings);
}

/** The origins of a browser on the same machine. */
export function localOrigins(port: number): string[] {
  return ["127.0.0.1", "localhost", "[::1]"].map(
    (host) => new URL(`http://${host}:${port}`).origin,
  );
}

function readEngines(path: string | undefined, environment: NodeJS.ProcessEnv): ReadEngines {
  return path === undefined ? { settings: noEngineSettings } : readEnginesFile(path, environment);
}

function toConfig(
  environment: z.output<typeof environmentSchema>,
  engines: EngineSettings,
): Config {
  const production = environment.NODE_ENV === "production";
  return Object.freeze({
    port: environment.PORT,
    host: environment.HOST,
    databaseUrl: environment.DATABASE_URL,
    dataDir: environment.DATA_DIR,
    publicOrigins: environment.PUBLIC_ORIGIN ?? localOrigins(environment.PORT),
    trustedProxies: environment.TRUSTED_PROXIES,
    production,
    demonstration: !production && environment.DATABASE_URL === undefined,
    logLevel: environment.LOG_LEVEL ?? (production ? "info" : "warn"),
    metricsPort: environment.METRICS_PORT,
    modelsDir: environment.MODELS_DIR,
    hub: Object.freeze({ url: environment.HUB_URL, token: environment.HUB_TOKEN }),
    engineMemoryMb: environment.ENGINE_MEMORY_MB,
    engines,
    mail: mailSettings(environment),
    clientDir: join(projectDir, "dist", "client"),
  });
}

function mailSettings({ SMTP_URL: url, MAIL_FROM: from }: z.output<typeof environmentSchema>) {
  return url === undefined || from === undefined ? undefined : Object.freeze({ url, from });
}

function unknownVariables(environment: Record<string, unknown>): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("PALIMPSEST_"))
    .map((name) => `${name} is not a setting of Palimpsest.`);
}

function isOrigin(text: string): boolean {
  const url = parseUrl(text);
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    (url.origin === text || `${url.origin}/` === text)
  );
}

function isHubUrl(text: string): boolean {
  const url = parseUrl(text);
  if (
    url === undefined ||
    `${url.username}${url.password}` !== "" ||
    url.search !== "" ||
    url.hash !== ""
  )
    return false;
  const isOwnMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isOwnMachine);
}

function isProxyList(proxies: string[]): boolean {
  try {
    proxyAddress.compile(proxies);
    return true;
  } catch {
    return false;
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

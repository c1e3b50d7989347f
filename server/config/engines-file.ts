import { readFileSync } from "node:fs";
import { z } from "zod";

/** What the server of an engine on another machine is; each has fields of its own. */
export const engineKinds = ["vllm", "llama.cpp", "tgi", "openai", "palimpsest"] as const;
export type EngineKind = (typeof engineKinds)[number];

/** An engine on another machine, as an admin configured it. */
export interface RemoteEngineSettings {
  /** In the log, in metrics and on the health page. */
  readonly name: string;
  /** Id of the model here whose tokenizer it shares. */
  readonly model: string;
  /** Without a slash at its end; `/v1/completions` follows. */
  readonly url: string;
  readonly kind: EngineKind;
  /** What its server calls the model. */
  readonly remoteModel: string;
  readonly apiKey: string | undefined;
  /** How many generations it is sent at once; others wait here. */
  readonly places: number;
  /** Whether it is sent token ids or text. */
  readonly prompt: "tokens" | "text";
  readonly connectTimeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly tokenTimeoutMs: number;
}

/** A model of which only the tokenizer lies here. */
export interface RemoteModelSettings {
  readonly id: string;
  readonly name: string;
  /** Folder with `tokenizer.json` and `tokenizer_config.json`. */
  readonly folder: string;
  readonly parameters: number;
  readonly contextTokens: number;
  readonly vocabularySize: number;
  readonly endOfTextId: number;
}

export interface EngineSettings {
  readonly engines: readonly RemoteEngineSettings[];
  readonly models: readonly RemoteModelSettings[];
  /** Installed models that are not loaded on this machine. */
  readonly remoteOnly: readonly string[];
}

export const noEngineSettings: EngineSettings = { engines: [], models: [], remoteOnly: [] };

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "must be 1–64 of a–z, 0–9, dot, dash and underscore");
const milliseconds = z.int().min(100).max(600_000);
const count = z.int().positive();

const engineSchema = z.strictObject({
  name,
  model: name,
  url: z
    .string()
    .refine(isBaseAddress, "must be an address like http://10.0.0.7:8000, without user or query")
    .transform((url) => url.replace(/\/+$/, "").replace(/\/v1$/, "")),
  kind: z.enum(engineKinds, `must be one of ${engineKinds.join(", ")}`),
  remoteModel: z.string().min(1).max(300).optional(),
  apiKeyFile: z.string().min(1).optional(),
  apiKeyVariable: z.string().min(1).optional(),
  places: count.max(1024).default(8),
  prompt: z.enum(["tokens", "text"]).optional(),
  connectTimeoutMs: milliseconds.default(5_000),
  firstTokenTimeoutMs: milliseconds.default(60_000),
  tokenTimeoutMs: milliseconds.default(20_000),
});

const modelSchema = z.strictObject({
  id: name,
  name: z.string().min(1).max(100),
  folder: z.string().min(1),
  parameters: count,
  contextTokens: count.min(2),
  vocabularySize: count,
  endOfTextId: z.int().nonnegative(),
});

const fileSchema = z.strictObject({
  engines: z.array(engineSchema),
  models: z.array(modelSchema).default([]),
  remoteOnly: z.array(name).default([]),
});

/** The file's settings, or one readable line for each mistake in it. */
export type ReadEngines =
  | { settings: EngineSettings; problems?: undefined }
  | { settings?: undefined; problems: string[] };

/** Reads `ENGINES_FILE` and the keys that it points to, in files or in the environment. */
export function readEnginesFile(path: string, environment: NodeJS.ProcessEnv): ReadEngines {
  const content = readJson(path);
  if ("problem" in content) return { problems: [content.problem] };
  const parsed = fileSchema.safeParse(content.value);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      (issue) => `ENGINES_FILE ${placeOf(issue.path)}${issue.message}.`,
    );
    return { problems: lines };
  }
  const { engines, models, remoteOnly } = parsed.data;
  const problems = [
    ...repeated(
      "engines",
      engines.map((engine) => engine.name),
    ),
  ];
  problems.push(
    ...repeated(
      "models",
      models.map(({ id }) => id),
    ),
  );
  const read = engines.map((engine, place) => {
    const key = readKey(engine, environment);
    if (key.problem !== undefined) problems.push(`ENGINES_FILE engines[${place}]: ${key.problem}`);
    return toEngine(engine, key.value);
  });
  return problems.length > 0 ? { problems } : { settings: { engines: read, models, remoteOnly } };
}

function toEngine(
  engine: z.output<typeof engineSchema>,
  apiKey: string | undefined,
): RemoteEngineSettings {
  const { apiKeyFile: _file, apiKeyVariable: _variable, ...settings } = engine;
  return {
    ...settings,
    remoteModel: engine.remoteModel ?? engine.model,
    prompt: engine.prompt ?? (engine.kind === "tgi" ? "text" : "tokens"),
    apiKey,
  };
}

function readJson(path: string): { value: unknown } | { problem: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { problem: `ENGINES_FILE ${path} cannot be read.` };
  }
  try {
    const value: unknown = JSON.parse(text);
    return { value };
  } catch {
    return { problem: `ENGINES_FILE ${path} is not JSON.` };
  }
}

function readKey(
  { apiKeyFile, apiKeyVariable }: z.output<typeof engineSchema>,
  environment: NodeJS.ProcessEnv,
): { value: string | undefined; problem?: string } {
  if (apiKeyFile !== undefined && apiKeyVariable !== undefined)
    return { value: undefined, problem: "apiKeyFile and apiKeyVariable exclude each other." };
  if (apiKeyFile === undefined && apiKeyVariable === undefined) return { value: undefined };
  const value =
    apiKeyFile === undefined ? environment[apiKeyVariable ?? ""] : contentOf(apiKeyFile);
  const from = apiKeyFile ?? apiKeyVariable ?? "";
  // A header takes visible characters only; the value itself is told to nobody.
  if (value !== undefined && /^[\x21-\x7e]+$/.test(value.trim())) return { value: value.trim() };
  return { value: undefined, problem: `there is no key in ${from}.` };
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** `["engines", 0, "url"]` → `engines[0].url `. */
function placeOf(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (place, part) => (typeof part === "number" ? `${place}[${part}]` : `${place}.${String(part)}`),
    "",
  );
  return text === "" ? "" : `${text.replace(/^\./, "")} `;
}

function repeated(what: string, names: readonly string[]): string[] {
  const twice = new Set(names.filter((one, place) => names.indexOf(one) !== place));
  return [...twice].map((one) => `ENGINES_FILE ${what}: "${one}" stands there twice.`);
}

function isBaseAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === "";
}

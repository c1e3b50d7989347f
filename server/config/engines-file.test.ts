import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../config.ts";
import { AppError } from "../errors.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "engines-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(content: unknown): string {
  const path = join(folder, "engines.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function problemsOf(content: unknown, environment: NodeJS.ProcessEnv = {}): string[] {
  try {
    readConfig({ ...environment, ENGINES_FILE: write(content) });
  } catch (error) {
    if (error instanceof AppError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const far = { name: "far", model: "gpt2", url: "http://10.0.0.7:8000", kind: "vllm" };

test("an engine's settings have defaults that suit its kind, and an address may end as people write it", () => {
  writeFileSync(join(folder, "key"), "secret-1\n");
  const engines = [
    { ...far, url: "http://10.0.0.7:8000/v1/", apiKeyFile: join(folder, "key") },
    { ...far, name: "tgi", kind: "tgi", remoteModel: "openai-community/gpt2", apiKeyVariable: "K" },
  ];
  const config = readConfig({ ENGINES_FILE: write({ engines }), K: "secret-2" });
  expect(config.engines.engines).toMatchObject([
    { url: "http://10.0.0.7:8000", prompt: "tokens", remoteModel: "gpt2", apiKey: "secret-1" },
    { prompt: "text", remoteModel: "openai-community/gpt2", apiKey: "secret-2", places: 8 },
  ]);
  expect(config.engines).toMatchObject({ models: [], remoteOnly: [] });
});

test("without the file there are no engines elsewhere", () => {
  expect(readConfig({}).engines).toEqual({ engines: [], models: [], remoteOnly: [] });
});

test("O3 E13: every mistake in the file of engines gets one line that says where", () => {
  const engines = [
    { ...far, url: "http://user:pw@10.0.0.7", kind: "tensorrt", places: 0 },
    { ...far, apiKeyFile: "/nowhere/key" },
    { ...far, colour: "red" },
  ];
  const lines = problemsOf({ engines, models: [{ id: "X" }] });
  expect(lines.every((line) => line.startsWith("ENGINES_FILE "))).toBe(true);
  const text = lines.join("\n");
  for (const place of ["engines[0].url", "engines[0].kind", "engines[0].places", "engines[2]"])
    expect(text).toContain(place);
  expect(text).toContain("models[0].id");
  expect(text).not.toContain("pw");
});

test("O3 E13: a key that is not there and a name that stands there twice stop the start", () => {
  const engines = [{ ...far, apiKeyVariable: "MISSING" }, far];
  expect(problemsOf({ engines }).sort()).toEqual([
    'ENGINES_FILE engines: "far" stands there twice.',
    "ENGINES_FILE engines[0]: there is no key in MISSING.",
  ]);
  expect(problemsOf("{")).toEqual([`ENGINES_FILE ${join(folder, "engines.json")} is not JSON.`]);
});

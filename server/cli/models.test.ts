import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readManifest } from "../model-library/manifest.ts";
import { tinySource, writeSource } from "../model-library/test-support/model-source.ts";
import { registerModelCommands } from "./models.ts";

let folder: string;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-models-"));
  printed = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function command(...words: string[]): Promise<string> {
  printed = [];
  const program = new Command();
  registerModelCommands(program, { modelsDir: join(folder, "models") });
  await program.parseAsync(["models", ...words], { from: "user" });
  return printed.join("\n");
}

test("a folder is imported under its name or --id, and the list marks the default", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  expect(await command("list")).toBe("There are no models yet.");
  expect(await command("import", source)).toContain("Imported tiny");
  await command("import", source, "--id", "second", "--default");
  expect(readManifest(join(folder, "models"))).toEqual({
    default: "second",
    models: ["tiny", "second"],
  });
  expect(await command("list")).toMatch(/^ {2}tiny .*context 24.*\n\* second /);
});

test("a folder that cannot be imported is refused with the reason", async () => {
  await expect(command("import", join(folder, "nowhere"))).rejects.toThrow("no such folder");
});

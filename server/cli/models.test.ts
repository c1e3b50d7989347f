import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readManifest } from "../model-library/manifest.ts";
import { tinySource, writeSource } from "../model-library/test-support/model-source.ts";
import { openTestHub, type TestHub } from "../model-library/test-support/test-hub.ts";
import { registerModelCommands } from "./models.ts";

let folder: string;
let hub: TestHub;
let printed: string;
const output = new Writable({
  write(chunk, _encoding, done) {
    printed += String(chunk);
    done();
  },
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-models-"));
  hub = await openTestHub("openai-community/gpt2", tinySource());
  vi.spyOn(console, "log").mockImplementation((line: string) => void output.write(`${line}\n`));
});
afterEach(async () => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
  await hub.close();
  await rm(folder, { recursive: true });
});

const modelsDir = () => join(folder, "models");

async function command(...words: string[]): Promise<string> {
  printed = "";
  const program = new Command();
  const settings = {
    modelsDir: modelsDir(),
    hub: { url: hub.url, token: undefined },
    output,
    // What measuring takes is not what is tried here.
    measure: async () => ({ speed: { oneStream: 1, eightStreams: 1 } }),
  };
  registerModelCommands(program, settings);
  await program.parseAsync(["models", ...words], { from: "user" });
  return printed.trimEnd();
}

test("a folder is imported under its name or --id, and the list marks the default", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  expect(await command("list")).toBe("There are no models yet.");
  expect(await command("import", source)).toContain("Imported tiny");
  await command("import", source, "--id", "second", "--default");
  expect(readManifest(modelsDir())).toEqual({
    default: "second",
    models: ["tiny", "second"],
  });
  expect(await command("list")).toMatch(/^ {2}tiny .*context 24.*\n\* second /);
});

test("E34: the list says of a model that cannot be used why, and what to do", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  await command("import", source, "--id", "one");
  await command("import", source, "--id", "two");
  await writeFile(join(modelsDir(), "one", "card.json"), "{}");
  expect(await command("list")).toMatch(
    /^\* one {2}cannot be used\. .*card\.json: of its fields .*Remove the model and add it again\.\n {2}two .*context 24/,
  );
  await command("default", "two");
  await expect(command("default", "one")).rejects.toThrow(
    /"one" cannot be the default\. .*again\./,
  );
  expect(readManifest(modelsDir()).default).toBe("two");
});

test("a folder that cannot be imported is refused with the reason", async () => {
  await expect(command("import", join(folder, "nowhere"))).rejects.toThrow("no such folder");
});

test("E14: add fetches a model by its short name and says each step", async () => {
  const said = await command("add", "gpt2", "--default");
  expect(said).toMatch(/^Asking the hub…\nDownloading…\nVerifying…\n/);
  expect(said).toMatch(/Added gpt2: .*licence apache-2\.0\.$/);
  expect(readManifest(modelsDir())).toEqual({ default: "gpt2", models: ["gpt2"] });
  await expect(command("add", "gpt2")).rejects.toThrow("--id");
  expect(await command("add", "gpt2", "--id", "second")).toContain("Added second");
  await expect(command("add", "https://example.org/gpt2")).rejects.toThrow("owner/name");
  hub.seen.length = 0;
  const wrong = command("add", "gpt2", "--id", "third", "--prompt-template", "no place");
  await expect(wrong).rejects.toThrow("{input}");
  expect(hub.seen).toEqual([]);
});

test("E16: another default, then the first one can be removed", async () => {
  const source = await writeSource(join(folder, "tiny"), tinySource());
  await command("import", source, "--id", "one");
  await command("import", source, "--id", "two");
  await expect(command("remove", "one", "--force")).rejects.toThrow("is the default");
  await command("default", "two");
  await command("remove", "one", "--force");
  expect(readManifest(modelsDir())).toEqual({ default: "two", models: ["two"] });
  await expect(command("default", "one")).rejects.toThrow("no model called");
  await command("remove", "two", "--force");
  expect(readManifest(modelsDir())).toEqual({ default: null, models: [] });
});

test("E7: verify names the damaged file, and what to do", async () => {
  await command("import", await writeSource(join(folder, "tiny"), tinySource()));
  expect(await command("verify")).toMatch(/^tiny is whole: \d+ files/);
  const path = join(modelsDir(), "tiny", "tokenizer.json");
  await writeFile(path, `${await readFile(path, "utf8")} `);
  expect(await command("verify", "tiny")).toMatch(/tokenizer\.json: .*Remove it and add it again/);
  expect(process.exitCode).toBe(1);
  await rm(join(modelsDir(), "tiny", "weights.bin"));
  expect(await command("verify", "tiny")).toContain("weights.bin: it is missing");
});

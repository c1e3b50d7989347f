import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { importModel } from "../../server/model-library/import-model.ts";
import { writeGgufModel } from "../peers/gguf-model.ts";
import { writeOnnxModel } from "../peers/onnx-model.ts";
import { type RandomModelName, randomModelFolder, writeRandomModel } from "../random-model.ts";
import type { ContestantName } from "./contestant.ts";

const root = resolve(import.meta.dirname, "../..");
const cache = join(root, ".cache/models/benchmark");

/** Whether the peers are installed (`npm ci --prefix benchmarks/peers`). */
export function peersAreInstalled(): boolean {
  const installed = join(root, "benchmarks/peers/node_modules");
  return ["node-llama-cpp", "@huggingface/transformers"].every((name) =>
    existsSync(join(installed, name)),
  );
}

/**
 * The model of a contestant, made of the same random weights for each; made once, and again when what
 * makes it has changed.
 */
export async function prepareModel(
  contestant: ContestantName,
  shape: RandomModelName,
): Promise<string> {
  const source = await writeRandomModel({ shape, folder: randomModelFolder(shape) });
  const ours = contestant === "ours-int8" || contestant === "ours-fp32";
  const makers = ours ? "server/model-library" : "benchmarks/peers";
  const kind = contestant.replaceAll(/[^a-z0-9]+/g, "-");
  const name = `${shape}-${kind}-${await hashSources(join(root, makers))}`;
  const file = join(cache, contestant.startsWith("llama.cpp") ? `${name}.gguf` : name);
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  await removeEarlier(`${shape}-${kind}-`);
  const unfinished = `${file}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const made = await make(contestant, source, unfinished);
  await rename(made, file);
  await rm(unfinished, { recursive: true, force: true });
  return file;
}

/** Returns where the finished model lies, which is the target or inside it. */
async function make(contestant: ContestantName, source: string, target: string): Promise<string> {
  switch (contestant) {
    case "ours-int8":
    case "ours-fp32": {
      const precision = contestant === "ours-int8" ? "int8" : "fp32";
      await importModel({ source, modelsDir: target, id: "random", precision });
      return join(target, "random");
    }
    case "llama.cpp f32":
      await writeGgufModel(source, target, "f32");
      return target;
    case "llama.cpp q8_0":
      await writeGgufModel(source, target, "q8_0");
      return target;
    case "llama.cpp q4_0":
      await writeGgufModel(source, target, "q4_0");
      return target;
    case "transformers.js fp32":
      await writeOnnxModel(source, target, "fp32");
      return target;
    case "transformers.js q8":
      await writeOnnxModel(source, target, "q8");
      return target;
    default:
      return contestant satisfies never;
  }
}

async function hashSources(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const sources = (await readdir(folder)).filter((name) => /(?<!\.test)\.ts$/.test(name)).sort();
  for (const name of sources) hash.update(await readFile(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}

async function removeEarlier(prefix: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(prefix)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

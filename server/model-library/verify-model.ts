import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ModelCheck } from "#shared/models.ts";
import { readModelCard } from "../inference/model-card.ts";
import { noSuchModel, readManifest } from "./manifest.ts";

const cardName = "card.json";

/**
 * Reads all of a model's files and compares them with the SHA-256 that its card keeps. Throws a 404
 * AppError `no_such_model`, UnavailableError where the card cannot be read, and the signal's reason.
 */
export async function verifyModel(
  modelsDir: string,
  id: string,
  signal: AbortSignal,
): Promise<ModelCheck> {
  if (!readManifest(modelsDir).models.includes(id)) throw noSuchModel(id);
  const folder = join(modelsDir, id);
  const card = readModelCard(folder);
  const known = { ...card.files };
  const here = (await readdir(folder)).filter((name) => name !== cardName);
  const damaged: ModelCheck["damaged"] = [];
  for (const [file, sha256] of Object.entries(known)) {
    const found = await sha256Of(join(folder, file), signal);
    if (found === undefined) damaged.push({ file, problem: "it is missing or cannot be read" });
    else if (found !== sha256) damaged.push({ file, problem: "it is not what was imported" });
  }
  const unknown = here.filter((name) => !(name in known));
  return { files: Object.keys(known).length, damaged, unknown };
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    const options = { signal, highWaterMark: 1024 * 1024 };
    // Without an encoding a file is read as Buffers.
    for await (const block of createReadStream(path, options)) hash.update(block as Buffer);
    return hash.digest("hex");
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** What to say of a check, and what to do. */
export function describeCheck(id: string, { files, damaged, unknown }: ModelCheck): string {
  if (damaged.length > 0) {
    const list = damaged.map(({ file, problem }) => `${file}: ${problem}`).join("; ");
    return `${id} is damaged (${list}). Remove it and add it again.`;
  }
  if (files === 0)
    return `An earlier version imported ${id} and kept no SHA-256 of its files: there is nothing to compare them with. Import it again to have them checked.`;
  const more = unknown.length === 0 ? "" : ` Not of the import: ${unknown.join(", ")}.`;
  return `${id} is whole: ${files} files are what was imported.${more}`;
}

import { lstat, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { ModelRefusedError } from "./refusal.ts";

/** The files of a Hugging Face model folder that an import reads. */
export const sourceFiles = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "model.safetensors",
] as const;

const pickleExtensions = [".bin", ".pt", ".pth", ".pkl", ".ckpt"];
/** The tokenizer of GPT-2 has 1.4 MB; everything else is a page or less. */
const textMaxBytes = { "tokenizer.json": 32 * 1024 ** 2, other: 1024 ** 2 };

/** Checks that the folder holds the four files as plain files, and returns its real path. */
export async function checkSourceFolder(path: string): Promise<string> {
  const folder = await openFolder(path);
  const names = await readdir(folder);
  if (!names.includes("model.safetensors")) refusePickles(names);
  for (const name of sourceFiles) await checkPlainFile(folder, name);
  return folder;
}

/** The text of one of the folder's small files. */
export async function readSourceText(folder: string, name: string): Promise<string> {
  const { size } = await stat(join(folder, name));
  const limit = name === "tokenizer.json" ? textMaxBytes[name] : textMaxBytes.other;
  if (size > limit) {
    throw new ModelRefusedError(
      name,
      `it is ${size} bytes long; the most that is read is ${limit}.`,
      "It should be a small JSON file.",
    );
  }
  return readFile(join(folder, name), "utf8");
}

async function openFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return realpath(path);
  const what = found === undefined ? "there is no such folder." : "it is not a folder.";
  throw new ModelRefusedError(path, what, "Give the path of a Hugging Face model folder.");
}

function refusePickles(names: readonly string[]): void {
  const pickle = names.find((name) => pickleExtensions.some((ending) => name.endsWith(ending)));
  if (pickle === undefined) return;
  throw new ModelRefusedError(
    pickle,
    "this is a Python pickle, which can run any program when it is read.",
    "Get the model as model.safetensors instead.",
  );
}

async function checkPlainFile(folder: string, name: string): Promise<void> {
  const found = await lstat(join(folder, name)).catch(() => undefined);
  if (found === undefined) {
    throw new ModelRefusedError(name, "the file is missing.", "A model folder has to hold it.");
  }
  if (found.isSymbolicLink()) {
    throw new ModelRefusedError(
      name,
      "it is a link that leads elsewhere.",
      "Copy the file itself into the folder.",
    );
  }
  if (!found.isFile()) {
    throw new ModelRefusedError(name, "it is not a plain file.", "Put the real file there.");
  }
}

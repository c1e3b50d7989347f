import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { explainDisk, freeBytes, requireSpace } from "./disk.ts";
import { bytesHere, downloadFile, dropFile } from "./download-file.ts";
import type { Hub, HubFile } from "./hub.ts";
import { HubError } from "./hub-error.ts";
import { findHubFiles, hubFileNames, weightsName } from "./hub-files.ts";
import { type Patience, standardPatience } from "./retries.ts";

export interface FetchRequest {
  hub: Hub;
  repository: string;
  /** Where the files go; what an earlier attempt left there is used. */
  folder: string;
  /** The command that imports the files where this machine cannot fetch them. */
  importCommand: string;
  onProgress: (progress: FetchProgress) => void;
  patience?: Patience | undefined;
  /** Bytes that are free where the folder lies. */
  readFree?: ((folder: string) => Promise<number>) | undefined;
}

/** `done` and `total` in bytes of all files; total 0 while the hub is asked. */
export interface FetchProgress {
  step: "asking" | "downloading" | "verifying";
  done: number;
  total: number;
}

/** Which commit the files in a folder are of, and which hash each had. */
const noteSchema = z.object({
  commit: z.string().nullable(),
  hashes: z.record(z.string(), z.string()),
  /** Everything is here and verified: the hub need not be asked again. */
  complete: z.boolean(),
});
type Note = z.infer<typeof noteSchema>;
const noteName = ".fetch.json";

/** Beside the download there is room for what it is converted to: at most as much, and half again. */
const roomForConverting = 1.5;

/**
 * Fetches a model's files from the hub, verified, resuming what was begun. Throws HubError,
 * AppError `disk_full` or `models_read_only`, and the signal's reason.
 */
export async function fetchModel(request: FetchRequest, signal: AbortSignal): Promise<void> {
  try {
    await mkdir(request.folder, { recursive: true });
    const note = await readNote(request.folder);
    if (note?.complete === true) return;
    request.onProgress({ step: "asking", done: 0, total: 0 });
    const files = await agreeOnFiles(request, note, signal);
    await requireRoom(request, files);
    await fetchAll(request, files, signal);
    await completeFolder(request.folder, files);
    await writeNote(request.folder, files, true);
  } catch (error) {
    signal.throwIfAborted();
    throw explainDisk(explainOffline(error, request), request.folder);
  }
}

/** Goes on with the commit that was begun; where it is gone from the hub, begins anew. */
async function agreeOnFiles(
  request: FetchRequest,
  note: Note | undefined,
  signal: AbortSignal,
): Promise<HubFile[]> {
  const { folder, patience = standardPatience } = request;
  const find = (revision: string) => findHubFiles({ ...request, revision, patience }, signal);
  const files = await find(note?.commit ?? "main").catch((error: unknown) => {
    const isGone = error instanceof HubError && error.code !== "hub_unreachable";
    if (isGone && (note?.commit ?? null) !== null) return find("main");
    throw error;
  });
  for (const { name, hash } of files)
    if (note?.hashes[name] !== hash?.value) await dropFile(join(folder, name));
  await writeNote(folder, files, false);
  return files;
}

async function writeNote(
  folder: string,
  files: readonly HubFile[],
  complete: boolean,
): Promise<void> {
  const hashes = files.flatMap(({ name, hash }) => (hash === null ? [] : [[name, hash.value]]));
  const commit = files[0]?.commit ?? null;
  const note = { commit, hashes: Object.fromEntries(hashes), complete };
  await writeFile(join(folder, noteName), JSON.stringify(note));
}

async function readNote(folder: string): Promise<Note | undefined> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(join(folder, noteName), "utf8")));
  } catch {
    // None yet, or one that a crash cut short: what lies there is fetched anew.
    return undefined;
  }
}

async function requireRoom(
  { folder, readFree = freeBytes }: FetchRequest,
  files: readonly HubFile[],
): Promise<void> {
  let bytes = 0;
  for (const file of files) bytes += file.bytes - (await bytesHere(join(folder, file.name)));
  const weights = files.find(({ name }) => name === weightsName)?.bytes ?? 0;
  await requireSpace(folder, Math.ceil(bytes + weights * roomForConverting), readFree);
}

async function fetchAll(
  { hub, folder, onProgress, patience = standardPatience }: FetchRequest,
  files: readonly HubFile[],
  signal: AbortSignal,
): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  // Small ones first: what is wrong with a model shows early.
  for (const file of files.toSorted((a, b) => a.bytes - b.bytes)) {
    const say = (step: FetchProgress["step"]) => (bytes: number) =>
      onProgress({ step, done: before + bytes, total });
    const target = join(folder, file.name);
    const onVerified = file.name === weightsName ? say("verifying") : () => undefined;
    const onBytes = say("downloading");
    await downloadFile({ hub, file, target, patience, onBytes, onVerified }, signal);
    before += file.bytes;
  }
}

/** Old repositories have no tokenizer_config.json; for a GPT-2 it says nothing else than this. */
async function completeFolder(folder: string, files: readonly HubFile[]): Promise<void> {
  const name = "tokenizer_config.json";
  if (!files.some((file) => file.name === name))
    await writeFile(join(folder, name), '{ "tokenizer_class": "GPT2Tokenizer" }\n');
}

function explainOffline(error: unknown, { hub, repository, importCommand }: FetchRequest): unknown {
  if (!(error instanceof HubError) || error.code !== "hub_unreachable") return error;
  const message = `${error.message} What has come is kept: try again when the connection is back. If this machine has none, download ${hubFileNames.join(", ")} from ${hub.pageOf(repository)} on another, copy them into one folder here, and run: ${importCommand}`;
  return new HubError("hub_unreachable", message, error);
}

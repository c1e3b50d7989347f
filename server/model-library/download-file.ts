import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { Hub, HubFile } from "./hub.ts";
import { HubError, PassingError } from "./hub-error.ts";
import type { HubAnswer } from "./hub-request.ts";
import { type Patience, persist } from "./retries.ts";

export interface FileDownload {
  hub: Hub;
  file: HubFile;
  /** Where it will lie; until it is whole and verified it lies beside, with `.part` at its end. */
  target: string;
  patience: Patience;
  /** Bytes of the file that are here. */
  onBytes: (bytes: number) => void;
  /** Bytes of the file that are verified. */
  onVerified: (bytes: number) => void;
}

/**
 * Fetches one file, goes on where an earlier attempt broke off, and verifies it. Throws HubError
 * (what came is not what the hub announced, or it cannot be reached) and the signal's reason; what
 * is here by then stays for the next attempt, unless it is wrong.
 */
export async function downloadFile(download: FileDownload, signal: AbortSignal): Promise<void> {
  const { file, target, onBytes, onVerified } = download;
  if ((await sizeOf(target)) === file.bytes) {
    onBytes(file.bytes);
    return onVerified(file.bytes);
  }
  const resumed = (await sizeOf(partOf(target))) > 0;
  try {
    return await fetchAndVerify(download, signal);
  } catch (error) {
    if (!(error instanceof WrongHashError)) throw error;
    // What an earlier attempt left may be at fault: once more, all of it.
    if (!resumed) throw damaged(file, "its SHA-256 is not the one that the hub announced", error);
  }
  await fetchAndVerify(download, signal).catch((error: unknown) => {
    if (!(error instanceof WrongHashError)) throw error;
    throw damaged(file, "its SHA-256 is not the one that the hub announced", error);
  });
}

class WrongHashError extends Error {}

/** The unfinished file. */
function partOf(target: string): string {
  return `${target}.part`;
}

/** The ETag with which the unfinished file's bytes came. */
function tagOf(target: string): string {
  return `${target}.part.etag`;
}

/** Removes what is here of a file. */
export async function dropFile(target: string): Promise<void> {
  for (const path of [target, partOf(target), tagOf(target)]) await rm(path, { force: true });
}

/** Bytes that are here of a file, finished or not. */
export async function bytesHere(target: string): Promise<number> {
  return (await sizeOf(target)) || (await sizeOf(partOf(target)));
}

async function fetchAndVerify(download: FileDownload, signal: AbortSignal): Promise<void> {
  const { file, target, patience } = download;
  let furthest = await sizeOf(partOf(target));
  let gained = false;
  const reached = (bytes: number) => {
    gained ||= bytes > furthest;
    furthest = Math.max(furthest, bytes);
    download.onBytes(bytes);
  };
  const attempt = () => {
    gained = false;
    return fetchRest(download, reached, signal);
  };
  await persist(attempt, patience, signal, () => gained);
  if (!(await isRight(file, partOf(target), download.onVerified, signal))) {
    await dropFile(target);
    throw new WrongHashError(`${file.name} is not what the hub announced`);
  }
  await rename(partOf(target), target);
  await rm(tagOf(target), { force: true });
}

/** One attempt. Throws PassingError where it broke off. */
async function fetchRest(
  { hub, file, target }: FileDownload,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const part = await open(partOf(target), "a+");
  try {
    const here = (await part.stat()).size;
    if (here > file.bytes) await part.truncate(0);
    const offset = here > file.bytes ? 0 : here;
    onBytes(offset);
    if (offset === file.bytes) return;
    const validator = await readFile(tagOf(target), "utf8").catch(() => undefined);
    const answer = await hub.open(file, { offset, validator }, signal);
    const from = await beginAt(answer, { file, part, offset });
    await keepTag(tagOf(target), answer);
    await append(part, answer, { file, from, onBytes, signal });
    await part.sync();
  } finally {
    await part.close();
  }
}

/** Where the answer's first byte belongs: a server that knows no ranges begins at 0. */
async function beginAt(
  { status, headers, body }: HubAnswer,
  { file, part, offset }: { file: HubFile; part: FileHandle; offset: number },
): Promise<number> {
  const leave = (error: Error) => {
    body.destroy();
    return error;
  };
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
    const [, first, total] = range ?? [];
    if (Number(first) === offset && (total === "*" || Number(total) === file.bytes)) return offset;
    throw leave(damaged(file, `the server sent another part of it (${headers["content-range"]})`));
  }
  await part.truncate(0);
  if (status === 416) throw leave(new PassingError(`${file.name} begins anew.`));
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== file.bytes)
    throw leave(damaged(file, `the hub announced ${file.bytes} bytes, the server has ${length}`));
  return 0;
}

/** Only a strong ETag says that the bytes are the same (RFC 9110, 13.1.5). */
async function keepTag(path: string, { headers: { etag } }: HubAnswer): Promise<void> {
  if (etag?.startsWith('"')) await writeFile(path, etag);
  else await rm(path, { force: true });
}

interface Appending {
  file: HubFile;
  from: number;
  onBytes: (bytes: number) => void;
  signal: AbortSignal;
}

async function append(
  part: FileHandle,
  { body }: HubAnswer,
  { file, from, onBytes, signal }: Appending,
): Promise<void> {
  let bytes = from;
  try {
    // What an HTTP body yields without an encoding is Buffers.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > file.bytes)
        throw damaged(file, `more came than the ${file.bytes} bytes that the hub announced`);
      await part.appendFile(chunk);
      onBytes(bytes);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof HubError || cause instanceof PassingError || isOfDisk(cause)) throw cause;
    throw new PassingError(`The connection broke off after ${bytes} of ${file.bytes} bytes.`, {
      cause,
    });
  }
  if (bytes < file.bytes)
    throw new PassingError(`The connection ended after ${bytes} of ${file.bytes} bytes.`);
}

function isOfDisk(error: unknown): boolean {
  return error instanceof Error &&
    "syscall" in error &&
    error.syscall === "write" &&
    "code" in error
    ? ["ENOSPC", "EDQUOT", "EIO", "EFBIG"].includes(String(error.code))
    : false;
}

async function isRight(
  { bytes, hash }: HubFile,
  path: string,
  onVerified: (bytes: number) => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (hash === null) return true;
  const hasher = startHash(hash.kind, bytes);
  let read = 0;
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 })) {
    // Without an encoding a file is read as Buffers.
    const block = chunk as Buffer;
    hasher.update(block);
    read += block.length;
    onVerified(read);
  }
  return hasher.digest("hex") === hash.value;
}

/** A git blob's id is the SHA-1 of "blob", its length, a zero byte and its content. */
function startHash(kind: "sha256" | "git", bytes: number): Hash {
  return kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

function damaged(file: HubFile, what: string, cause?: unknown): HubError {
  return new HubError(
    "hub_damaged",
    `${file.name} came damaged: ${what}. What is wrong of it was removed. Try again later, or get the files another way and import them.`,
    cause,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

import { readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import { UnavailableError } from "../errors.ts";

/** What a worker takes besides the weights: Node, the runtime, and what a step computes. */
const workerBytes = 96 * 2 ** 20;

/**
 * Refuses to load a model whose weights would not fit into what is free: an UnavailableError with both
 * numbers, in place of a system that kills whatever is largest.
 */
export async function requireMemory(modelFolder: string, freeBytes: number): Promise<void> {
  const neededBytes = workerBytes + (await sizeOf(modelFolder));
  if (neededBytes <= freeBytes) return;
  throw new UnavailableError(
    `The model takes about ${inMegabytes(neededBytes)} MB, and ${inMegabytes(freeBytes)} MB of memory are free. Try again when other models are idle, or choose a smaller one.`,
  );
}

/**
 * Bytes that a new process may take: what the machine has free, or what its container may still take.
 * Files that the system keeps in memory give way, so they count as free.
 */
export function readFreeBytes(): number {
  const free = freeOfMachine();
  const limit = Math.min(limitOf("memory.max"), limitOf("memory/memory.limit_in_bytes"));
  if (!Number.isFinite(limit)) return free;
  const used = Math.min(limitOf("memory.current"), limitOf("memory/memory.usage_in_bytes"));
  if (!Number.isFinite(used)) return free;
  return Math.min(free, limit - used + cachedBytes());
}

/** macOS calls free only what holds nothing at all, next to nothing after a day: half counts there. */
function freeOfMachine(): number {
  return process.platform === "darwin" ? Math.max(freemem(), totalmem() / 2) : freemem();
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const files = await Promise.all(names.map((name) => stat(join(folder, name))));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

const controlGroup = "/sys/fs/cgroup";

/** Infinity where there is no such limit. */
function limitOf(name: string): number {
  const text = readControl(name)?.trim() ?? "max";
  return /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

function cachedBytes(): number {
  const text = readControl("memory.stat") ?? readControl("memory/memory.stat") ?? "";
  const fields = [...text.matchAll(/^(?:active_file|inactive_file) (\d+)$/gm)];
  return fields.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

function readControl(name: string): string | undefined {
  try {
    return readFileSync(join(controlGroup, name), "utf8");
  } catch {
    return undefined;
  }
}

function inMegabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

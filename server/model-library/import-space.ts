import { AppError } from "../errors.ts";
import { weightBytes } from "./convert-model.ts";
import { freeBytes, inBytes } from "./disk.ts";
import { calibrationTokens } from "./measurement.ts";
import type { Precision } from "./precision.ts";
import type { SourceModel } from "./source-model.ts";

/** Graphs, texts and what a file system takes for itself. */
const besidesBytes = 32 * 1024 ** 2;

export interface ImportSpace {
  /** What the import may take on the disk while it goes on, in bytes. */
  needed: number;
  /** Why fp32 cannot be measured here. */
  obstacle: string | undefined;
}

/**
 * Looks how much disk and memory an import takes. Throws AppError `disk_full` where it cannot end well;
 * with a precision that somebody chose it does without being measured.
 */
export async function planSpace(
  source: SourceModel,
  modelsDir: string,
  wanted: Precision | undefined,
): Promise<ImportSpace> {
  const free = await freeBytes(modelsDir);
  const measured = measuredBytes(source, wanted);
  const bare = weightBytes(source, wanted ?? "int8-block32") + besidesBytes;
  const memory = memoryObstacle(source);
  if (memory === undefined && free >= measured) return { needed: measured, obstacle: undefined };
  const obstacle = memory ?? `it takes ${inBytes(measured)} of disk, ${inBytes(free)} were free`;
  if (free >= bare && (memory !== undefined || wanted !== undefined)) {
    return { needed: bare, obstacle };
  }
  throw diskFull(modelsDir, memory === undefined ? measured : bare, free);
}

/** fp32, what it says of the calibration text, and the largest of what is compared with it. */
function measuredBytes(source: SourceModel, wanted: Precision | undefined): number {
  const reference = 4 * calibrationTokens * source.config.vocabularySize;
  const candidates: Precision[] = wanted === undefined ? ["int8", "int8-block32"] : [wanted];
  const sizes = candidates
    .filter((precision) => precision !== "fp32")
    .map((precision) => weightBytes(source, precision));
  return weightBytes(source, "fp32") + Math.max(0, ...sizes) + reference + besidesBytes;
}

/** onnxruntime keeps fp32 weights a second time, in the order that its loops like. */
function memoryObstacle(source: SourceModel): string | undefined {
  const needed = 2 * weightBytes(source, "fp32") + 512 * 1024 ** 2;
  const free = process.availableMemory();
  if (free >= needed) return undefined;
  return `fp32 takes ${inBytes(needed)} of memory, ${inBytes(free)} were free`;
}

/** 503: says how much an import needs. */
export function diskFull(
  modelsDir: string,
  needed: number,
  free?: number,
  cause?: unknown,
): AppError {
  const found = free === undefined ? "it is full" : `${inBytes(free)} are free`;
  const message = `The import needs ${inBytes(needed)} on the disk of ${modelsDir}, and ${found}. Make room, or let MODELS_DIR name a folder on a larger disk.`;
  return new AppError("disk_full", 503, message, cause === undefined ? {} : { cause });
}

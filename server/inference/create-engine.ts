import type { ChildProcess } from "node:child_process";
import type { Logger } from "../observability/logger.ts";
import { defaultMemoryMb } from "./default-memory.ts";
import type { Engine, EngineModel } from "./engine.ts";
import { createSequence } from "./engine-sequence.ts";
import { EngineWorker, startWorker } from "./engine-worker.ts";
import { readModelCard } from "./model-card.ts";
import type { RuntimeKind } from "./onnx-runtime.ts";
import type { WorkerSettings } from "./protocol.ts";

export interface EngineOptions {
  /** An imported model folder (with card.json). */
  modelFolder: string;
  logger?: Logger | undefined;
  /** Forces one way to run the graph; by default the fastest that works here. */
  runtime?: RuntimeKind | undefined;
  /** Threads of one operator; by default chosen by the model's size. */
  threads?: number | undefined;
  /** How many generations go on side by side; others wait in line. */
  places?: number | undefined;
  /** Megabytes that keys and values may take; by default an eighth of this machine's memory. */
  memoryMb?: number | undefined;
  /** Starts the worker; a test may keep a hand on it. */
  spawn?: ((settings: WorkerSettings) => ChildProcess) | undefined;
}

/** How many generations go on side by side: each still gets tokens faster than they are read, on two cores. */
export const defaultPlaces = 32;

/** Starts an engine in a process of its own; resolves when its model is loaded. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const card = readModelCard(options.modelFolder);
  const { id, contextTokens, vocabularySize, endOfTextId } = card;
  const model: EngineModel = { id, contextTokens, vocabularySize, endOfTextId };
  const spawn = options.spawn ?? startWorker;
  const worker = new EngineWorker(
    spawn({
      modelFolder: options.modelFolder,
      places: options.places ?? defaultPlaces,
      runtime: options.runtime,
      threads: options.threads,
      memoryBytes: (options.memoryMb ?? defaultMemoryMb()) * 2 ** 20,
    }),
    options.logger,
  );
  await worker.ready;
  let sequences = 0;
  return {
    model,
    open() {
      worker.requireAlive();
      return createSequence(worker, model, sequences++);
    },
    onLost: (listener) => worker.onLost(listener),
    close: () => worker.close(),
  };
}

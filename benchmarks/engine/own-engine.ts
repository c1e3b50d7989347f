import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import pino from "pino";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { createEngine } from "../../server/inference/create-engine.ts";
import type { EngineSequence } from "../../server/inference/engine.ts";
import { createEnginePool, type EnginePool } from "../../server/inference/engine-pool.ts";
import { startWorker } from "../../server/inference/engine-worker.ts";
import { readModelCard } from "../../server/inference/model-card.ts";
import { RestartingEngine } from "../../server/inference/restarting-engine.ts";
import { systemClock } from "../../server/jobs/clock.ts";
import type { Contestant, ContestantSettings, Wish, Writing, Written } from "./contestant.ts";

/**
 * Our engine as the product's runs have it: a worker process of its own, started anew when it is
 * lost, behind a pool.
 */
export async function createOwnEngine(settings: ContestantSettings): Promise<Contestant> {
  const workers: ChildProcess[] = [];
  const engine = await openPool(settings, (worker) => workers.push(worker));
  const sequences = new Map<number, EngineSequence>();
  return {
    async write(writing, count, wish) {
      const sequence = sequences.get(writing.document) ?? engine.open();
      sequences.set(writing.document, sequence);
      return write(sequence, writing, count, wish);
    },
    async forget() {
      for (const sequence of sequences.values()) await sequence.close();
      sequences.clear();
    },
    crash: () => crash(engine, () => workers.at(-1)?.kill("SIGKILL")),
    close: () => engine.close(),
  };
}

async function openPool(
  { model: modelFolder, threads, places }: ContestantSettings,
  onWorker: (worker: ChildProcess) => void,
): Promise<EnginePool> {
  const local = new RestartingEngine({
    start: () =>
      createEngine({
        modelFolder,
        threads,
        places,
        spawn(workerSettings) {
          const worker = startWorker(workerSettings);
          onWorker(worker);
          return worker;
        },
      }),
    places,
    clock: systemClock,
    logger: pino({ level: "silent" }),
  });
  await local.ready();
  const { id, contextTokens, vocabularySize, endOfTextId } = readModelCard(modelFolder);
  return createEnginePool({ id, contextTokens, vocabularySize, endOfTextId }, [local]);
}

async function write(
  sequence: EngineSequence,
  { prompt }: Writing,
  count: number,
  wish: Wish,
): Promise<Written> {
  const written: Written = { times: [], ids: [] };
  const start = performance.now();
  const { alternatives } = wish;
  // Like the peers it is told how many, so that it computes none ahead while the next is asked for.
  const sampling = { ...samplingOf(wish), maxTokens: count, minTokens: count };
  for await (const { id } of sequence.generate({ prompt, firstIndex: 0, sampling, alternatives })) {
    written.times.push(performance.now() - start);
    written.ids.push(id);
  }
  return written;
}

function samplingOf({ sampling }: Wish): Sampling {
  const endless = { ...defaultSampling, maxTokens: null, seed: 1 };
  if (sampling === "usual") return endless;
  return { ...endless, strategy: "greedy", repetitionPenalty: 1, noRepeatNgramSize: 0 };
}

/** Kills the worker while a run streams; the same pool has to write again. */
async function crash(engine: EnginePool, kill: () => void) {
  const prompt = [11, 12, 13];
  const sampling = samplingOf({ sampling: "usual", alternatives: 0 });
  const request = { prompt, firstIndex: 0, sampling };
  let killedAt = 0;
  const sequence = engine.open();
  try {
    for await (const { index } of sequence.generate(request)) {
      if (index !== 5) continue;
      killedAt = performance.now();
      kill();
    }
  } catch {
    // That its loop throws is how a run learns of it.
  }
  const knownMs = performance.now() - killedAt;
  await sequence.close();
  while (!engine.available) await delay(10);
  const next = engine.open();
  for await (const _ of next.generate(request)) break;
  await next.close();
  return { knownMs, backMs: performance.now() - killedAt };
}

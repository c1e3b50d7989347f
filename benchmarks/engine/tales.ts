import { monitorEventLoopDelay } from "node:perf_hooks";
import { defaultSampling } from "#shared/sampling.ts";
import { createEngine } from "../../server/inference/create-engine.ts";
import type { Engine, EngineSequence, GenerationRequest } from "../../server/inference/engine.ts";
import { atLeast, atMost, median, type Row } from "../report.ts";

const modelFolder = new URL("../../models/tales", import.meta.url).pathname;
const repetitions = 30;

/** How fast the small model that ships reads and writes, through the whole engine. */
export async function measureTales(): Promise<Row[]> {
  const engine = await createEngine({ modelFolder });
  try {
    return [
      ...(await measureDecoding(engine)),
      await measurePrefill(engine),
      await measureEdit(engine),
      ...(await measureStreams(engine)),
    ].map((row) => ({ ...row, what: `tales: ${row.what}` }));
  } finally {
    await engine.close();
  }
}

async function measureDecoding(engine: Engine): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [past, limit] of [
    [32, 3],
    [256, 3],
    [450, 4],
  ] as const) {
    const times = await withSequence(engine, (sequence) =>
      intervals(sequence, request(engine, prompt(engine, past)), repetitions),
    );
    rows.push(atMost(`one token at ${past} before it`, "ms", median(times), limit));
  }
  return rows;
}

/** Each prompt begins with another token, so that nothing of the one before can be kept. */
async function measurePrefill(engine: Engine): Promise<Row> {
  const times = await withSequence(engine, (sequence) =>
    repeat((i) => timeToFirst(sequence, request(engine, [i, ...prompt(engine, 255)]))),
  );
  return atMost("first token of a new prompt of 256", "ms", median(times), 60);
}

async function measureEdit(engine: Engine): Promise<Row> {
  const whole = prompt(engine, 220);
  const times = await withSequence(engine, async (sequence) => {
    await timeToFirst(sequence, request(engine, whole));
    return repeat((i) => timeToFirst(sequence, request(engine, whole.with(200, i))));
  });
  return atMost("first token after an edit at 200 of 220", "ms", median(times), 20);
}

/** Four documents at once: what they get in all, and what the main thread feels of it. */
async function measureStreams(engine: Engine): Promise<Row[]> {
  const tokens = 400;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      withSequence(engine, (sequence) =>
        intervals(sequence, request(engine, [i, ...prompt(engine, 20)]), tokens),
      ),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  return [
    atLeast("four documents, in all", "tokens/s", (4 * tokens) / seconds, 400),
    atMost(
      "event loop delay of the main thread meanwhile, p99",
      "ms",
      delay.percentile(99) / 1e6,
      10,
    ),
  ];
}

/** Milliseconds between one token and the next, `count` times. */
async function intervals(
  sequence: EngineSequence,
  wanted: GenerationRequest,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  let before: number | undefined;
  for await (const _ of sequence.generate(wanted)) {
    const now = performance.now();
    if (before !== undefined) times.push(now - before);
    if (times.length === count) break;
    before = now;
  }
  return times;
}

async function timeToFirst(sequence: EngineSequence, wanted: GenerationRequest): Promise<number> {
  const start = performance.now();
  for await (const _ of sequence.generate(wanted)) break;
  return performance.now() - start;
}

async function repeat(measure: (i: number) => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < repetitions; i++) times.push(await measure(i));
  return times;
}

async function withSequence<T>(
  engine: Engine,
  use: (sequence: EngineSequence) => Promise<T>,
): Promise<T> {
  const sequence = engine.open();
  try {
    return await use(sequence);
  } finally {
    await sequence.close();
  }
}

function request(engine: Engine, tokens: readonly number[]): GenerationRequest {
  const sampling = { ...defaultSampling, maxTokens: null, seed: 1 };
  return { prompt: tokens.slice(0, engine.model.contextTokens - 1), firstIndex: 0, sampling };
}

function prompt(engine: Engine, length: number): number[] {
  return Array.from({ length }, (_, i) => 300 + ((i * 7919) % (engine.model.vocabularySize - 400)));
}

import type { LanguageModel, Row } from "../inference/language-model.ts";
import type { ModelCard } from "../inference/model-card.ts";
import type { Measurement } from "./measurement.ts";

/** The graphs that measuring needs; where weights are not shared the largest is not loaded. */
export const measuredSlots: readonly number[] = [1, 4, 8];

const pastTokens = 128;
const untimedSteps = 2;
const leastSteps = 5;
const mostSteps = 40;
const longestMs = 1_500;

/** Tokens a second of one sequence alone, and of eight at once in all: medians of single steps. */
export async function measureSpeed(
  model: LanguageModel,
  card: Pick<ModelCard, "contextTokens">,
): Promise<Measurement["speed"]> {
  const one = await timeStep(model, card, 1);
  const eight = await timeStep(model, card, 8);
  return { oneStream: 1000 / one, eightStreams: 8000 / eight };
}

/** Milliseconds in which each of some sequences gets its next token. */
async function timeStep(
  model: LanguageModel,
  { contextTokens }: Pick<ModelCard, "contextTokens">,
  sequences: number,
): Promise<number> {
  const past = Math.min(pastTokens, contextTokens - 1);
  const caches = Array.from({ length: sequences }, () => model.createCache());
  const rows = caches.map((cache): Row => ({ cache, past, tokens: [0], outputs: 1 }));
  const before = Array.from({ length: past }, () => 0);
  for (const cache of caches) {
    if (past > 0) await model.run([{ cache, past: 0, tokens: before, outputs: 0 }]);
  }
  const times: number[] = [];
  const start = performance.now();
  for (let step = 0; step < untimedSteps + mostSteps; step++) {
    const begun = performance.now();
    for (let first = 0; first < rows.length; first += model.maxRows) {
      await model.run(rows.slice(first, first + model.maxRows));
    }
    if (step >= untimedSteps) times.push(performance.now() - begun);
    if (times.length >= leastSteps && performance.now() - start > longestMs) break;
  }
  for (const cache of caches) cache.release();
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

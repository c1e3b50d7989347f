import { type FileHandle, open, readFile } from "node:fs/promises";
import type { ModelQuality } from "#shared/models.ts";
import type { Tokenizer } from "../inference/engine.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import type { ModelCard } from "../inference/model-card.ts";
import { divergence, indexOfLargest, logProbability } from "./compare-logits.ts";
import { calibrationTokens, type MeasureSettings } from "./measurement.ts";

const chunkTokens = 32;
const windowTokens = 1024;

/** Our own prose in the model's tokens; a tokenizer of another language may know few of them. */
export async function readCalibration(
  tokenizer: Tokenizer,
  vocabularySize: number,
): Promise<number[]> {
  const text = await readFile(new URL("./calibration.txt", import.meta.url), "utf8");
  const known = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  return tokenizer.encode(text).filter(known).slice(0, calibrationTokens);
}

export interface QualityOptions {
  model: LanguageModel;
  card: Pick<ModelCard, "contextTokens" | "vocabularySize">;
  tokens: readonly number[];
  reference: NonNullable<MeasureSettings["reference"]>;
  onProgress: (done: number) => void;
}

/**
 * Reads the tokens in windows as long as the context, at most 1024, and compares the logits after each
 * with the reference's, or writes them as the reference. Throws where logits are not finite.
 */
export async function measureQuality(options: QualityOptions): Promise<ModelQuality> {
  const { reference, tokens, onProgress } = options;
  const file = await open(reference.path, reference.write ? "wx" : "r");
  const tally = createTally();
  let position = 0;
  try {
    for await (const { logits, next } of predictionsOf(options)) {
      if (!logits.every(Number.isFinite)) throw new Error("It computes what is no number.");
      tally.add(await exchange(file, reference.write, logits, position), logits, next);
      if (++position % chunkTokens === 0) onProgress(position);
    }
  } finally {
    await file.close();
  }
  return { ...tally.quality(), tokens: tokens.length };
}

/** Sums up how two models' predictions differ, place by place. */
function createTally() {
  const sums = { divergence: 0, agreements: 0, places: 0, original: 0, here: 0, expected: 0 };
  return {
    /** `next` is the token that follows in the text, if one does. */
    add(original: Float32Array, here: Float32Array, next: number | undefined): void {
      sums.places++;
      sums.divergence += divergence(original, here);
      if (indexOfLargest(original) === indexOfLargest(here)) sums.agreements++;
      if (next === undefined) return;
      sums.expected++;
      sums.original += logProbability(original, next);
      sums.here += logProbability(here, next);
    },
    quality(): Omit<ModelQuality, "tokens"> {
      const { divergence: total, agreements, places, expected } = sums;
      const perplexity = (logProbabilities: number) => Math.exp(-logProbabilities / expected);
      return {
        meanKl: total / places,
        top1Agreement: agreements / places,
        ...(expected > 0 && {
          perplexity: { original: perplexity(sums.original), here: perplexity(sums.here) },
        }),
      };
    },
  };
}

interface Prediction {
  /** Good until the next. */
  logits: Float32Array;
  /** The token that follows in the same window. */
  next: number | undefined;
}

/** What the model makes of each token and those before it. */
async function* predictionsOf({
  model,
  card,
  tokens,
}: Pick<QualityOptions, "model" | "card" | "tokens">): AsyncGenerator<Prediction> {
  const window = Math.min(windowTokens, card.contextTokens);
  for (let start = 0; start < tokens.length; start += window) {
    const cache = model.createCache();
    const inside = tokens.slice(start, start + window);
    for (let past = 0; past < inside.length; past += chunkTokens) {
      const chunk = inside.slice(past, past + chunkTokens);
      const [logits = []] = await model.run([
        { cache, past, tokens: chunk, outputs: chunk.length },
      ]);
      for (const [i, row] of logits.entries()) yield { logits: row, next: inside[past + i + 1] };
    }
    cache.release();
  }
}

/** Writes a row of the reference and gives it back, or reads one. */
async function exchange(
  file: FileHandle,
  write: boolean,
  logits: Float32Array,
  row: number,
): Promise<Float32Array> {
  if (write) {
    await file.writeFile(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
    return logits;
  }
  const expected = new Float32Array(logits.length);
  const bytes = new Uint8Array(expected.buffer);
  for (let filled = 0; filled < bytes.length; ) {
    const at = row * bytes.length + filled;
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, at);
    if (bytesRead === 0) throw new Error("The reference has fewer tokens.");
    filled += bytesRead;
  }
  return expected;
}

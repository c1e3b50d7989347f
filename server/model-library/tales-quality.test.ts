import { join } from "node:path";
import { expect, test } from "vitest";
import { loadLanguageModel } from "../inference/language-model.ts";
import { readModelCard } from "../inference/model-card.ts";
import { openRuntime } from "../inference/open-runtime.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import { logProbability } from "./compare-logits.ts";
import { readCalibration } from "./measure-quality.ts";

test("E31: the model that ships expects our text as its fp32 weights did, within 1 %", async () => {
  const folder = join(import.meta.dirname, "../../models/tales");
  const card = readModelCard(folder);
  const tokenizer = await loadTokenizer(folder, card.endOfTextId);
  const tokens = await readCalibration(tokenizer, card.vocabularySize);
  const { runtime } = await openRuntime();
  const graphs = card.graphs.filter(({ slots }) => slots === 1);
  const model = await loadLanguageModel({ folder, card: { ...card, graphs }, runtime });
  let sum = 0;
  let places = 0;
  for (let start = 0; start < tokens.length; start += card.contextTokens) {
    const window = tokens.slice(start, start + card.contextTokens);
    const cache = model.createCache();
    const row = { cache, past: 0, tokens: window, outputs: window.length };
    const [predictions = []] = await model.run([row]);
    for (const [place, id] of window.slice(1).entries()) {
      sum += logProbability(predictions[place] ?? new Float32Array(), id);
      places++;
    }
    cache.release();
  }
  await model.release();
  expect(tokens.length).toBe(card.quality?.tokens);
  const original = card.quality?.perplexity?.original ?? Number.NaN;
  // Of the fp32 model, found when it was imported.
  expect(original).toBeGreaterThan(20);
  expect(Math.abs(Math.exp(-sum / places) / original - 1)).toBeLessThan(0.01);
  expect(card.quality?.meanKl).toBeLessThanOrEqual(1e-3);
});

import { describe, expect, test } from "vitest";
import { Random } from "../../tests/support/random.ts";
import { type BeamSearchOptions, createBeamSearch } from "./beam-search.ts";

const endOfTextId = 0;
type Model = (text: readonly number[]) => Float32Array;

const settings: BeamSearchOptions = {
  beams: 2,
  lengthPenalty: 1,
  earlyStopping: true,
  maxTokens: 4,
  endOfTextId,
};

/** Log-probabilities that depend on the text alone, the same for the same seed. */
function randomModel(seed: number, vocabulary: number): Model {
  return (text) => {
    const random = new Random(text.reduce((hash, id) => hash * 31 + id + 7, seed));
    const weights = Array.from({ length: vocabulary }, () => random.next() ** 3 + 1e-4);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return Float32Array.from(weights, (weight) => Math.log(weight / total));
  };
}

function search(model: Model, options: Partial<BeamSearchOptions>) {
  const beams = createBeamSearch({ ...settings, ...options });
  let steps = 0;
  while (!beams.done) {
    beams.advance(beams.live.map(({ tokens }) => model(tokens.map(({ id }) => id))));
    steps++;
  }
  return { steps, best: beams.best(), ids: beams.best().map(({ id }) => id) };
}

/** Every text that the model can write, with its score per token. */
function allTexts(model: Model, maxTokens: number, lengthPenalty: number) {
  const ended: { ids: number[]; score: number }[] = [];
  const goOn = (ids: number[], sum: number) => {
    const isWhole = ids.at(-1) === endOfTextId || ids.length === maxTokens;
    if (isWhole) return void ended.push({ ids, score: sum / ids.length ** lengthPenalty });
    model(ids).forEach((score, id) => goOn([...ids, id], sum + score));
  };
  goOn([], 0);
  return ended.sort((a, b) => b.score - a.score);
}

/** Hugging Face's BeamSearchScorer for one text, as its Python reads. */
function scorer(
  model: Model,
  { beams, lengthPenalty, earlyStopping, maxTokens }: BeamSearchOptions,
) {
  const ended: { ids: number[]; score: number }[] = [];
  let live = Array.from({ length: beams }, (_, i) => ({ ids: [] as number[], sum: i ? -1e9 : 0 }));
  for (let length = 1; length <= maxTokens; length++) {
    const all = live.flatMap(({ ids, sum }) =>
      [...model(ids)].map((score, id) => ({ ids: [...ids, id], sum: sum + score })),
    );
    const best = all.sort((a, b) => b.sum - a.sum).slice(0, 2 * beams);
    live = [];
    for (const [rank, { ids, sum }] of best.entries()) {
      if (ids.at(-1) !== endOfTextId) live.push({ ids, sum });
      else if (rank < beams) ended.push({ ids, score: sum / length ** lengthPenalty });
      if (live.length === beams) break;
    }
    ended.sort((a, b) => b.score - a.score).splice(beams);
    const attainable = (best[0]?.sum ?? 0) / length ** lengthPenalty;
    const worst = ended[beams - 1]?.score;
    if (worst !== undefined && (earlyStopping || worst >= attainable)) return ended[0]?.ids;
  }
  ended.push(...live.map(({ ids, sum }) => ({ ids, score: sum / maxTokens ** lengthPenalty })));
  return ended.sort((a, b) => b.score - a.score)[0]?.ids;
}

describe("beam search", () => {
  test("E25: with room for every text it finds the best of all, whatever the length penalty", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const model = randomModel(seed, 4);
      for (const lengthPenalty of [-1, 0, 1, 2]) {
        const options = { beams: 81, maxTokens: 4, lengthPenalty, earlyStopping: false };
        const [best] = allTexts(model, 4, lengthPenalty);
        expect(search(model, options).ids).toEqual(best?.ids);
      }
    }
  });

  test("E25: with few beams it chooses what Hugging Face's scorer chooses", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const model = randomModel(seed, 12);
      for (const beams of [2, 3, 5]) {
        for (const lengthPenalty of [0, 1, 1.7]) {
          for (const earlyStopping of [true, false]) {
            const options = { ...settings, beams, lengthPenalty, earlyStopping, maxTokens: 9 };
            expect(search(model, options).ids).toEqual(scorer(model, options));
          }
        }
      }
    }
  });

  /* 1 is likelier than 2 at first (0.6 : 0.4), but 2 goes on surely: 0.6 · 0.4 < 0.4 · 0.9. */
  const garden: Model = (text) => {
    const odds =
      text.length === 0 ? [0, 0.6, 0.4] : text[0] === 1 ? [0.2, 0.4, 0.4] : [0.05, 0.9, 0.05];
    return Float32Array.from(odds, Math.log);
  };

  test("a text that is better in the end wins over one that begins better", () => {
    const { ids, best } = search(garden, { maxTokens: 2 });
    expect(ids).toEqual([2, 1]);
    expect(best[0]?.logprob).toBeCloseTo(Math.log(0.4), 6);
    expect(best[1]?.logprob).toBeCloseTo(Math.log(0.9), 6);
  });

  test("a live text tells which one it goes on from, best first", () => {
    const beams = createBeamSearch(settings);
    expect(beams.live).toHaveLength(1);
    beams.advance([garden([])]);
    expect(beams.live.map(({ tokens }) => tokens[0]?.id)).toEqual([1, 2]);
    beams.advance([garden([1]), garden([2])]);
    expect(beams.live.map(({ parent }) => parent)).toEqual([1, 0]);
    expect(beams.live[0]?.score).toBeCloseTo(Math.log(0.36), 6);
  });

  test("an end below the first beams ends nothing", () => {
    // The end is the third likeliest of two beams: neither ended nor in the way of the others.
    const model: Model = () => Float32Array.from([0.2, 0.5, 0.3], Math.log);
    expect(search(model, { maxTokens: 1 }).ids).toEqual([1]);
    expect(search(model, { maxTokens: 3, lengthPenalty: 0 }).ids).toEqual([1, 1, 1]);
  });

  test("early stopping ends as soon as so many texts have ended as there are beams", () => {
    // The end always comes second: one text ends in each step.
    const model: Model = () => Float32Array.from([0.4, 0.5, 0.1], Math.log);
    expect(search(model, { maxTokens: 50, earlyStopping: true }).steps).toBe(2);
    // Per token a longer text is better here; the search goes on until none can be.
    expect(search(model, { maxTokens: 50, earlyStopping: false }).steps).toBeGreaterThan(2);
  });

  test("where a ban leaves nothing to follow, the best so far is the text", () => {
    const model: Model = (text) =>
      Float32Array.from(text.length < 2 ? [0, 0.5, 0.5] : [0, 0, 0], Math.log);
    const { ids, steps } = search(model, { maxTokens: 9 });
    expect(ids).toEqual([1, 1]);
    expect(steps).toBe(3);
  });

  test("a token tells its alternatives from the text that it follows, as probabilities", () => {
    // Scores that a ban left at 0.3 in all: they are told as shares of what is left.
    const model: Model = () => Float32Array.from([0, 0.2, 0.1], Math.log);
    const { best } = search(model, { maxTokens: 1, alternatives: 2 });
    expect(best[0]?.id).toBe(1);
    expect(best[0]?.logprob).toBeCloseTo(Math.log(2 / 3), 6);
    expect(best[0]?.alternatives?.map(({ id }) => id)).toEqual([1, 2]);
    expect(best[0]?.alternatives?.[1]?.logprob).toBeCloseTo(Math.log(1 / 3), 6);
  });
});

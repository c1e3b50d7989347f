import { expect, test } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { type DrawInput, draw } from "./sampler.ts";
import { TokenHistory } from "./token-history.ts";

const endOfTextId = 3;
/** Everything off, so that each test turns on what it is about. */
const plain: Sampling = {
  ...defaultSampling,
  seed: 1,
  temperature: 1,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
};

function drawFrom(logits: number[], sampling: Partial<Sampling>, more: Partial<DrawInput> = {}) {
  const history = new TokenHistory(sampling.noRepeatNgramSize ?? 0, []);
  const input = { logits: Float32Array.from(logits), history, index: 0, endOfTextId };
  return draw({ ...input, sampling: { ...plain, ...sampling }, ...more });
}

test("greedy takes the likeliest, and a temperature of 0 is greedy", () => {
  for (const sampling of [{ strategy: "greedy" }, { temperature: 0 }] as const) {
    expect(drawFrom([1, 3, 2, 0], sampling).id).toBe(1);
  }
});

test("draws come as often as the probabilities say", () => {
  const counts = [0, 0, 0];
  const logits = [Math.log(0.6), Math.log(0.3), Math.log(0.1)];
  for (let index = 0; index < 5000; index++) {
    const { id } = drawFrom(logits, {}, { index });
    counts[id] = (counts[id] ?? 0) + 1;
  }
  expect(counts[0]).toBeGreaterThan(2850);
  expect(counts[0]).toBeLessThan(3150);
  expect(counts[2]).toBeGreaterThan(420);
  expect(counts[2]).toBeLessThan(580);
});

test("E5: the same seed and index draw the same token, whatever was drawn before", () => {
  const logits = [0, 0.1, 0.2, 0.3];
  const first = Array.from({ length: 50 }, (_, index) => drawFrom(logits, {}, { index }).id);
  const again = Array.from({ length: 50 }, (_, i) => drawFrom(logits, {}, { index: 49 - i }).id);
  expect(again.reverse()).toEqual(first);
  const other = first.map((_, index) => drawFrom(logits, { seed: 2 }, { index }).id);
  expect(other).not.toEqual(first);
});

test("the log-probability is the one after penalties and temperature, before truncation", () => {
  // 2 / 2 = 1 by the penalty, then ÷ 0.5: logits 2 and 0.
  const history = new TokenHistory(0, [0]);
  const { id, logprob } = drawFrom(
    [2, 0],
    { repetitionPenalty: 2, temperature: 0.5, topK: 1 },
    { history },
  );
  expect(id).toBe(0);
  expect(logprob).toBeCloseTo(2 - Math.log(Math.exp(2) + 1), 6);
});

test("greedy reports the log-probability at temperature 1", () => {
  const { logprob } = drawFrom([1, 2], { strategy: "greedy", temperature: 0.1 });
  expect(logprob).toBeCloseTo(2 - Math.log(Math.exp(1) + Math.exp(2)), 6);
});

test("the end of the text is banned below minTokens and in endless runs, and only there", () => {
  const logits = [0, 0, 0, 50];
  expect(drawFrom(logits, { minTokens: 5 }, { index: 4 }).id).not.toBe(endOfTextId);
  expect(drawFrom(logits, { minTokens: 5 }, { index: 5 }).id).toBe(endOfTextId);
  expect(drawFrom(logits, { maxTokens: null }, { index: 900 }).id).not.toBe(endOfTextId);
});

test("an n-gram that is already there is not completed again", () => {
  const history = new TokenHistory(2, [0, 1, 2, 0]);
  expect(drawFrom([0, 9, 5, 1], { strategy: "greedy", noRepeatNgramSize: 2 }, { history }).id).toBe(
    2,
  );
});

test("where every token is banned the best that may end up in the text is taken, without NaN", () => {
  const history = new TokenHistory(1, [0, 1, 2, 3]);
  for (const strategy of ["greedy", "sample"] as const) {
    const sampling = { strategy, noRepeatNgramSize: 1, maxTokens: null };
    expect(drawFrom([1, 4, 2, 9], sampling, { history })).toEqual({ id: 1, logprob: 0 });
  }
});

test("a model that gives only banned or broken logits is an error", () => {
  expect(() => drawFrom([NaN, NaN, NaN, NaN], {})).toThrow("no number");
});

test("the model's own logits are left as they are", () => {
  const logits = Float32Array.of(1, 2, 3);
  const history = new TokenHistory(1, [2]);
  drawFrom([], { repetitionPenalty: 2, noRepeatNgramSize: 1, temperature: 2 }, { logits, history });
  expect([...logits]).toEqual([1, 2, 3]);
});

test("E4: top-k, top-p and min-p together leave only what each of them leaves", () => {
  const logits = [0.4, 0.3, 0.2, 0.1].map(Math.log);
  const drawn = new Set<number>();
  for (let index = 0; index < 400; index++) {
    drawn.add(drawFrom(logits, { topK: 3, topP: 0.99, minP: 0.7 }, { index }).id);
  }
  expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1]);
});

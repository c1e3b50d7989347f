import { expect, test } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { Random } from "../../tests/support/random.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import { type DrawInput, draw, scoreBeam } from "./sampler.ts";
import { plainDraw } from "./test-support/plain-sampler.ts";
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
    expect(drawFrom([1, 4, 2, 9], sampling, { history, alternatives: 10 }).alternatives).toEqual([
      { id: 1, logprob: 0 },
    ]);
  }
});

test("banned words stay banned where n-grams leave nothing, and where they leave nothing it is an error", () => {
  const history = new TokenHistory(1, [0, 1, 2, 3]);
  const sampling = { noRepeatNgramSize: 1, maxTokens: null } as const;
  const more = { history, bannedSequences: [[1], [3, 2]] };
  expect(drawFrom([1, 4, 2, 9], sampling, more).id).toBe(0);
  const all = { history, bannedSequences: [[0], [1], [2]] };
  expect(() => drawFrom([1, 4, 2, 9], sampling, all)).toThrow(NothingAllowedError);
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

test("R10: the draws of a seed are those of a sampler that sorts everything, whatever is switched on", () => {
  const random = new Random(11);
  for (let round = 0; round < 400; round++) {
    const size = 2 + random.below(60);
    // Few different values, so that there are ties; some banned.
    const logits = Float32Array.from({ length: size }, (_, id) =>
      id > 0 && random.chance(0.1) ? -Infinity : random.below(12) - 6 + (id % 3) / 7,
    );
    const seen = Array.from({ length: 5 }, () => random.below(size));
    const sampling: Sampling = {
      ...plain,
      seed: random.below(2 ** 32),
      temperature: random.pick([0.05, 0.7, 0.8, 1, 3]),
      topK: random.pick([0, 1, 3, 40]),
      topP: random.pick([0.01, 0.5, 0.95, 1]),
      minP: random.pick([0, 0.05, 0.5, 1]),
      repetitionPenalty: random.pick([1, 1.1, 2]),
    };
    const index = random.below(1000);
    const expected = plainDraw(logits, { seen, sampling, index });
    const history = new TokenHistory(0, seen);
    const drawn = draw({ logits, history, sampling, index, endOfTextId: size });
    expect(drawn.id, JSON.stringify({ round, sampling })).toBe(expected.id);
    expect(drawn.logprob).toBeCloseTo(expected.logprob, 6);
  }
});

test("E4: penalties come before bias, bias before bans, and all of them before the temperature", () => {
  // Token 0: (4 / 2 − 2 · 0.5 − 0.25 + 3) / 0.5 = 7.5; token 1: (−1 · 2 + 0) / 0.5 = −4; 2 banned.
  const history = new TokenHistory(0, [0, 1], [0, 0]);
  const { id, logprob } = drawFrom(
    [4, -1, 50],
    {
      repetitionPenalty: 2,
      frequencyPenalty: 0.5,
      presencePenalty: 0.25,
      logitBias: { 0: 3, 2: 100 },
      temperature: 0.5,
      topK: 1,
    },
    { history, bannedSequences: [[2]] },
  );
  expect(id).toBe(0);
  expect(logprob).toBeCloseTo(7.5 - Math.log(Math.exp(7.5) + Math.exp(-4)), 6);
});

test("a sequence of several tokens is not completed, but its tokens may stand apart", () => {
  const sampling = { strategy: "greedy" } as const;
  const bannedSequences = [[0, 1, 2]];
  const after = (...tokens: number[]) =>
    drawFrom([0, 1, 9], sampling, { history: new TokenHistory(0, tokens), bannedSequences }).id;
  expect(after(0, 1)).toBe(1);
  expect(after(5, 0, 1)).toBe(1);
  expect(after(1)).toBe(2);
  expect(after(1, 0)).toBe(2);
  expect(after()).toBe(2);
});

test("E26: no banned sequence is ever completed, in whatever state the history is", () => {
  const random = new Random(5);
  for (let round = 0; round < 60; round++) {
    const bannedSequences = Array.from({ length: 6 }, () =>
      Array.from({ length: 1 + random.below(3) }, () => random.below(8)),
    );
    const history = new TokenHistory(0, [random.below(8), random.below(8)]);
    for (let index = 0; index < 30; index++) {
      const logits = Float32Array.from({ length: 12 }, () => random.next() * 4);
      const { id } = draw({
        logits,
        history,
        sampling: plain,
        index,
        endOfTextId,
        bannedSequences,
      });
      history.add(id);
      expect(bannedSequences.some((sequence) => history.endsWith(sequence))).toBe(false);
    }
  }
});

test("the alternatives are the likeliest after penalties and before truncation, on the token's measure", () => {
  const logits = [0.5, 0.3, 0.15, 0.05].map(Math.log);
  const { id, logprob, alternatives } = drawFrom(
    logits,
    { topK: 1, temperature: 0.5 },
    { alternatives: 3, bannedSequences: [[1]] },
  );
  // At temperature 0.5 the odds of what is left are 0.25 : 0.0225 : 0.0025.
  expect(id).toBe(0);
  expect(alternatives?.map((one) => one.id)).toEqual([0, 2, 3]);
  expect(alternatives?.[0]?.logprob).toBe(logprob);
  expect(alternatives?.[1]?.logprob).toBeCloseTo(Math.log(0.0225 / 0.275), 5);
  expect(alternatives?.[2]?.logprob).toBeCloseTo(Math.log(0.0025 / 0.275), 5);
});

test("asking for alternatives does not change what is drawn", () => {
  const random = new Random(2);
  for (let index = 0; index < 100; index++) {
    const logits = Float32Array.from({ length: 40 }, () => random.next() * 5);
    const input = { logits, history: new TokenHistory(0, []), sampling: plain, index, endOfTextId };
    const { alternatives, ...drawn } = draw({ ...input, alternatives: 10 });
    expect(drawn).toEqual(draw({ ...input, into: new Float32Array(40) }));
    expect(alternatives).toHaveLength(10);
  }
});

test("a beam's scores are log-probabilities before the penalties, and no temperature touches them", () => {
  // log 0.25 · 2 by the penalty, log 0.75 + 0.5 by the bias; the third is banned.
  const input = {
    logits: Float32Array.of(0, Math.log(3), -Infinity),
    history: new TokenHistory(0, [0]),
    sampling: { ...plain, temperature: 0.1, repetitionPenalty: 2, logitBias: { 1: 0.5 }, topK: 1 },
    index: 0,
    endOfTextId: 2,
  };
  const scores = scoreBeam(input);
  expect(scores[0]).toBeCloseTo(2 * Math.log(0.25), 6);
  expect(scores[1]).toBeCloseTo(Math.log(0.75) + 0.5, 6);
  expect(scores[2]).toBe(-Infinity);
});

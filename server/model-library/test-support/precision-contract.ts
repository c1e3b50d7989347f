import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LanguageModel, loadLanguageModel } from "../../inference/language-model.ts";
import { readModelCard } from "../../inference/model-card.ts";
import type { RuntimeKind } from "../../inference/onnx-runtime.ts";
import { openRuntime } from "../../inference/open-runtime.ts";
import { referenceLogits } from "../../inference/test-support/reference-gpt2.ts";
import { largestDifference } from "../../inference/test-support/tales.ts";
import { divergence } from "../compare-logits.ts";
import { importModel } from "../import-model.ts";
import type { Measure } from "../measure-model.ts";
import { type Precision, precisions } from "../precision.ts";
import { type SourceSizes, tinySource, tinyWeights, writeSource } from "./model-source.ts";

/** Nothing is a multiple of 32 or of the others. */
const shapes: Record<string, SourceSizes> = {
  "the tiny model": {},
  "one layer of three heads": { n_layer: 1, n_head: 3, n_embd: 24, n_inner: 56, vocab_size: 263 },
  "six layers of one head": { n_layer: 6, n_head: 1, n_embd: 40, n_inner: 160, vocab_size: 97 },
  "twenty-five heads": { n_layer: 1, n_head: 25, n_embd: 200, n_inner: 800, vocab_size: 1_601 },
};
/** Mean KL divergence from the reference, in nats, that small random weights may come to. */
const farthest: Record<Precision, number> = { fp32: 1e-8, int8: 0.05, "int8-block32": 1e-3 };
const measure: Measure = async () => ({ speed: { oneStream: 1, eightStreams: 1 } });

/** What graphs of every precision must compute on every runtime, each in a process of its own. */
export function describePrecisions(kind: RuntimeKind): void {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "precisions-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Imports a model and uses it. */
  async function withModel(
    sizes: SourceSizes,
    precision: Precision,
    use: (model: LanguageModel) => Promise<void>,
    weights = tinyWeights(sizes),
  ): Promise<void> {
    const place = await mkdtemp(join(folder, "model-"));
    const source = await writeSource(join(place, "source"), tinySource(sizes, weights));
    await importModel({ source, modelsDir: place, id: "model", precision, measure });
    const card = readModelCard(join(place, "model"));
    const { runtime } = await openRuntime(kind);
    const model = await loadLanguageModel({ folder: join(place, "model"), card, runtime });
    try {
      await model.complete;
      await use(model);
    } finally {
      await model.release();
    }
  }

  describe.each(Object.entries(shapes))(`%s on the ${kind} runtime`, (_, sizes) => {
    const weights = tinyWeights(sizes);
    const {
      n_embd: width = 32,
      n_layer: layers = 2,
      n_head: heads = 4,
      vocab_size: ids = 40,
    } = sizes;
    const shape = { width, layers, heads, layerNormEpsilon: 1e-5 };
    const weightOf = (name: string) => weights.get(name)?.values ?? new Float32Array();
    const someTokens = (length: number, salt: number) =>
      Array.from({ length }, (__, i) => (i * 7919 + salt * 31) % ids);
    const referenceOf = (tokens: number[]) => referenceLogits(shape, weightOf, tokens);

    test("E1: in fp32 gives the logits of a plain reference, for any number of tokens", () =>
      withModel(sizes, "fp32", async (model) => {
        for (const length of [1, 7, 24]) {
          const cache = model.createCache();
          const tokens = someTokens(length, 1);
          const [[logits = new Float32Array()] = []] = await model.run([
            { cache, past: 0, tokens, outputs: 1 },
          ]);
          expect(largestDifference(logits, referenceOf(tokens))).toBeLessThan(1e-4);
          cache.release();
        }
      }));

    test.each(precisions)(
      "E3 E27: in %s stays near the reference, whoever its neighbours are",
      (precision) =>
        withModel(sizes, precision, async (model) => {
          const prompts = [1, 2, 3, 5, 8, 13, 21, 1, 24].map((length, salt) =>
            someTokens(length, salt),
          );
          const alone: Float32Array[] = [];
          for (const tokens of prompts) {
            const cache = model.createCache();
            const [[logits = new Float32Array()] = []] = await model.run([
              { cache, past: 0, tokens, outputs: 1 },
            ]);
            alone.push(logits.slice());
            cache.release();
          }
          const kl = alone.map((logits, i) => divergence(referenceOf(prompts[i] ?? []), logits));
          expect(kl.reduce((sum, value) => sum + value) / kl.length).toBeLessThan(
            farthest[precision],
          );
          for (const sequences of [2, 3, 8, 9]) {
            if (sequences > model.maxRows) continue;
            const caches = prompts.slice(0, sequences).map(() => model.createCache());
            const rows = caches.map((cache, i) => ({
              cache,
              past: 0,
              tokens: prompts[i] ?? [],
              outputs: 1,
            }));
            const together = await model.run(rows);
            together.forEach(([logits = new Float32Array()], i) => {
              const expected = alone[i] ?? new Float32Array();
              expect(largestDifference(logits, expected)).toBeLessThan(1e-5);
            });
            for (const cache of caches) cache.release();
          }
        }),
    );
  });

  test.each(precisions)(
    "E27: in %s activations that are all zero stay numbers, and so do weights",
    (precision) => {
      const weights = tinyWeights();
      for (const [name, { values }] of weights) if (/attn|ln_2|wpe/.test(name)) values.fill(0);
      return withModel(
        {},
        precision,
        async (model) => {
          const cache = model.createCache();
          const tokens = [1, 2, 3];
          const [logits = []] = await model.run([{ cache, past: 0, tokens, outputs: 3 }]);
          expect(logits.flatMap((row) => [...row]).every(Number.isFinite)).toBe(true);
          cache.release();
        },
        weights,
      );
    },
  );

  test.each(precisions)("in %s a run may ask for no logits at all", (precision) =>
    withModel({}, precision, async (model) => {
      const cache = model.createCache();
      expect(await model.run([{ cache, past: 0, tokens: [1, 2], outputs: 0 }])).toEqual([[]]);
      const [logits = []] = await model.run([{ cache, past: 2, tokens: [3], outputs: 1 }]);
      const weights = tinyWeights();
      const shape = { width: 32, layers: 2, heads: 4, layerNormEpsilon: 1e-5 };
      const expected = referenceLogits(
        shape,
        (name) => weights.get(name)?.values ?? new Float32Array(),
        [1, 2, 3],
      );
      expect(divergence(expected, logits[0] ?? new Float32Array())).toBeLessThan(
        10 * farthest[precision],
      );
      cache.release();
    }),
  );

  test.each(precisions)("in %s an output projection of its own is used", (precision) => {
    const sizes = { tie_word_embeddings: false };
    const weights = tinyWeights(sizes);
    const own = weights.get("lm_head.weight")?.values ?? new Float32Array();
    const embedding = weights.get("wte.weight")?.values ?? new Float32Array();
    // Twice the embedding: the logits have to be twice those of the tied model.
    own.set(embedding.map((value) => 2 * value));
    const runOnce = async (model: LanguageModel) => {
      const cache = model.createCache();
      const [[logits = new Float32Array()] = []] = await model.run([
        { cache, past: 0, tokens: [5, 6, 7], outputs: 1 },
      ]);
      const copy = logits.slice();
      cache.release();
      return copy;
    };
    return withModel(
      sizes,
      precision,
      async (untied) => {
        const doubled = await runOnce(untied);
        weights.delete("lm_head.weight");
        await withModel(
          {},
          precision,
          async (tied) => {
            const expected = (await runOnce(tied)).map((value) => 2 * value);
            expect(largestDifference(doubled, expected)).toBeLessThan(1e-4);
          },
          weights,
        );
      },
      weights,
    );
  });
}

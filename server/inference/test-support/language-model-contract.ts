import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LanguageModel, loadLanguageModel } from "../language-model.ts";
import type { OnnxRuntime, RuntimeKind } from "../onnx-runtime.ts";
import { openRuntime } from "../open-runtime.ts";
import { referenceLogits } from "./reference-gpt2.ts";
import {
  largestDifference,
  readTalesWeights,
  someTokens,
  talesCard,
  talesFolder,
  talesShape,
} from "./tales.ts";

const weightOf = readTalesWeights();

/**
 * What every runtime must do for the model; each is tried in a process of its own, since
 * onnxruntime does not stand two ways of calling it in one for long.
 */
export function describeLanguageModel(kind: RuntimeKind): void {
  describe(`the model on the ${kind} runtime`, () => {
    let runtime: OnnxRuntime;
    let model: LanguageModel;
    beforeAll(async () => {
      ({ runtime } = await openRuntime(kind));
      model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
    });
    afterAll(() => model.release());

    const logitsOf = async (tokens: number[], past = 0, cache = model.createCache()) => {
      const [logits] = await model.run([{ cache, past, tokens }]);
      return logits?.slice() ?? new Float32Array();
    };

    test("is the one that was asked for", () => {
      expect(runtime.kind).toBe(kind);
    });

    test.each([1, 7, 40])(
      "E1: gives the logits of a plain reference, for %i tokens",
      async (length) => {
        const tokens = someTokens(length);
        const reference = referenceLogits(talesShape, weightOf, tokens);
        expect(largestDifference(await logitsOf(tokens), reference)).toBeLessThan(1e-4);
      },
    );

    test("token by token gives what the whole prompt at once gives", async () => {
      const tokens = someTokens(100, 1);
      const cache = model.createCache();
      let logits = new Float32Array();
      for (const [past, id] of tokens.entries()) logits = await logitsOf([id], past, cache);
      expect(largestDifference(logits, await logitsOf(tokens))).toBeLessThan(1e-5);
    });

    test("extends keys and values in place, and keeps them when the arrays grow", async () => {
      const cache = model.createCache();
      await logitsOf(someTokens(3), 0, cache);
      const data = cache.tensors[0]?.data ?? new Float32Array();
      const written = data.slice(0, 3 * talesCard.headSize);
      expect(written.some((value) => value !== 0)).toBe(true);
      expect(cache.capacity).toBe(64);

      await logitsOf(someTokens(1), 3, cache);
      expect(cache.tensors[0]?.data).toBe(data);
      expect(data.slice(0, written.length)).toEqual(written);
      expect(Number(data[3 * talesCard.headSize])).not.toBe(0);

      cache.reserve(65);
      expect(cache.capacity).toBe(128);
      expect(cache.tensors[0]?.data.slice(0, written.length)).toEqual(written);
    });

    test("E2: a kept prefix gives exactly what a full computation gives", async () => {
      const before = someTokens(200, 2);
      const edited = [...before.slice(0, 150), ...someTokens(60, 3)];
      const cache = model.createCache();
      await logitsOf(before, 0, cache);
      const steered = await logitsOf(edited.slice(150), 150, cache);
      expect(largestDifference(steered, await logitsOf(edited))).toBe(0);
    });

    test("E3: sequences in one run do not change each other's logits", async () => {
      const prompts = [someTokens(90, 4), someTokens(1, 5), someTokens(33, 6)];
      const together = await model.run(
        prompts.map((tokens) => ({ cache: model.createCache(), past: 0, tokens })),
      );
      const copies = together.map((logits) => logits.slice());
      for (const [i, tokens] of prompts.entries()) {
        const alone = await logitsOf(tokens);
        expect(largestDifference(copies[i] ?? new Float32Array(), alone)).toBeLessThan(1e-5);
      }
    });

    test("fills the whole context", async () => {
      const tokens = someTokens(talesCard.contextTokens, 7);
      const logits = await logitsOf(tokens);
      expect(logits.every(Number.isFinite)).toBe(true);
    });

    test("refuses tensors that were released", async () => {
      const cache = model.createCache();
      cache.reserve(10);
      for (const tensor of cache.tensors) tensor.release();
      await expect(logitsOf([1], 0, cache)).rejects.toThrow("released");
    });

    test("a broken graph file is an error, not a crash", async () => {
      const other = (await openRuntime(kind)).runtime;
      await expect(other.open(`${talesFolder}/card.json`, 1)).rejects.toThrow(/protobuf/i);
      other.release();
    });
  });
}

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyValueCache } from "../key-value-cache.ts";
import { type LanguageModel, loadLanguageModel } from "../language-model.ts";
import type { OnnxRuntime, RuntimeKind } from "../onnx-runtime.ts";
import { openRuntime } from "../open-runtime.ts";
import { largestDifference, someTokens, talesCard, talesFolder } from "./tales.ts";

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
      await model.complete;
    });
    afterAll(() => model.release());

    const logitsOf = async (tokens: number[], past = 0, cache = model.createCache()) => {
      const [[logits] = []] = await model.run([{ cache, past, tokens, outputs: 1 }]);
      return logits?.slice() ?? new Float32Array();
    };

    test("is the one that was asked for", () => {
      expect(runtime.kind).toBe(kind);
    });

    test("token by token gives what the whole prompt at once gives", async () => {
      const tokens = someTokens(100, 1);
      const cache = model.createCache();
      let logits = new Float32Array();
      for (const [past, id] of tokens.entries()) logits = await logitsOf([id], past, cache);
      // A hair's difference in attention can tip an activation to the next of 255 levels.
      const limit = talesCard.precision === "fp32" ? 1e-5 : 0.2;
      expect(largestDifference(logits, await logitsOf(tokens))).toBeLessThan(limit);
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
        prompts.map((tokens) => ({ cache: model.createCache(), past: 0, tokens, outputs: 1 })),
      );
      const copies = together.map(([logits]) => logits?.slice());
      for (const [i, tokens] of prompts.entries()) {
        const alone = await logitsOf(tokens);
        expect(largestDifference(copies[i] ?? new Float32Array(), alone)).toBeLessThan(1e-5);
      }
    });

    test("E3: many rows give the same while only the smallest graph is loaded", async () => {
      const { runtime: another } = await openRuntime(kind);
      const loading = await loadLanguageModel({
        folder: talesFolder,
        card: talesCard,
        runtime: another,
      });
      const compute = async (computing: LanguageModel) => {
        const caches = [13, 14, 15].map(() => computing.createCache());
        const rows = caches.map((cache, i) => {
          return { cache, past: 0, tokens: someTokens(9 + i, 13 + i), outputs: i };
        });
        const logits = (await computing.run(rows)).map((all) => all.map((one) => one.slice()));
        for (const cache of caches) cache.release();
        return logits;
      };
      const early = await compute(loading);
      await loading.complete;
      const late = await compute(loading);
      expect(early.map((all) => all.length)).toEqual([0, 1, 2]);
      for (const [i, logits] of early.flat().entries()) {
        expect(largestDifference(logits, late.flat()[i] ?? new Float32Array())).toBeLessThan(1e-5);
      }
      await loading.release();
    });

    test("gives the logits of several positions, each as a run up to there would", async () => {
      const prompts = [someTokens(20, 8), someTokens(9, 9), someTokens(30, 10)];
      const outputs = [5, 0, 1];
      const rows = prompts.map((tokens, i) => {
        return { cache: model.createCache(), past: 0, tokens, outputs: outputs[i] ?? 0 };
      });
      const all = await model.run(rows);
      expect(all.map((logits) => logits.length)).toEqual(outputs);
      const copies = all.map((logits) => logits.map((one) => one.slice()));
      for (const [i, tokens] of prompts.entries()) {
        for (const [j, logits] of (copies[i] ?? []).entries()) {
          const end = tokens.length - (outputs[i] ?? 0) + 1 + j;
          expect(largestDifference(logits, await logitsOf(tokens.slice(0, end)))).toBeLessThan(
            1e-5,
          );
        }
      }
    });

    test("computes rows of which nobody wants any logits", async () => {
      const tokens = someTokens(30, 11);
      const cache = model.createCache();
      expect(
        await model.run([{ cache, past: 0, tokens: tokens.slice(0, 29), outputs: 0 }]),
      ).toEqual([[]]);
      const logits = await logitsOf(tokens.slice(29), 29, cache);
      expect(largestDifference(logits, await logitsOf(tokens))).toBeLessThan(1e-5);
    });

    test("refuses to give more logits than it takes tokens", async () => {
      const row = { cache: model.createCache(), past: 0, tokens: [1, 2], outputs: 3 };
      await expect(model.run([row])).rejects.toThrow("More logits");
    });

    test("E2: copied keys and values give exactly what computing them gives", async () => {
      const tokens = someTokens(140, 12);
      const source = model.createCache();
      await logitsOf(tokens, 0, source);
      const computed = model.createCache();
      await logitsOf(tokens.slice(0, 20), 0, computed);
      const copy = model.createCache();
      copy.copyFrom(computed, 0, 20);
      copy.copyFrom(source, 20, 100);
      copy.copyFrom(source, 100, 130);
      const rest = await logitsOf(tokens.slice(130), 130, copy);
      expect(largestDifference(rest, await logitsOf(tokens.slice(130), 130, source))).toBe(0);
      expect(() => copy.copyFrom(computed, 0, 65)).toThrow(RangeError);
    });

    test("says truly what a cache takes", () => {
      const laidOut = (cache: KeyValueCache) =>
        cache.tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
      const whole = model.bytesFor(talesCard.contextTokens);
      for (const length of [0, 1, 64, 65, 300, talesCard.contextTokens]) {
        const cache = model.createCache();
        cache.reserve(length);
        const taken = model.bytesFor(length);
        expect(cache.bytes).toBe(taken);
        expect(laidOut(cache)).toBe(kind === "zero-copy" && length > 0 ? whole : taken);
        cache.release();
        expect(cache.bytes).toBe(0);
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
      await expect(other.open(`${talesFolder}/card.json`, 1)).rejects.toThrow(
        /protobuf|readable ONNX/i,
      );
      other.release();
    });
  });
}

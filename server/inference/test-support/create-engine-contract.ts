import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { InvalidError } from "../../errors.ts";
import { createEngine } from "../create-engine.ts";
import type { Engine, EngineSequence, GeneratedToken, Generation } from "../engine.ts";
import type { RuntimeKind } from "../onnx-runtime.ts";
import { loadTokenizer } from "../tokenizer.ts";
import { someTokens, talesCard, talesFolder } from "./tales.ts";

const { contextTokens } = talesCard;
/** Sampling without an end, with a fixed seed. */
export const endless: Sampling = { ...defaultSampling, seed: 5, maxTokens: null };
/** A request for a prompt, with the sampling of `endless` but for what is named. */
export const request = (prompt: number[], sampling: Partial<Sampling> = {}, firstIndex = 0) => ({
  prompt,
  firstIndex,
  sampling: { ...endless, ...sampling },
});

/** The first tokens of a generation, which is left then. */
export async function take(generation: Generation, count = Infinity): Promise<GeneratedToken[]> {
  const tokens: GeneratedToken[] = [];
  for await (const token of generation) {
    tokens.push(token);
    if (tokens.length >= count) break;
  }
  return tokens;
}
const idsOf = (tokens: GeneratedToken[]) => tokens.map(({ id }) => id);

/** What the suite needs to know of an engine. */
export interface EngineContract {
  name: string;
  /** Opens one for tales with two places. */
  open: () => Promise<Engine>;
  /** So many windows an endless run goes on for: the binding copies all keys and values at each step. */
  windows: number;
  /** Whether it tells how much of a prompt it did not compute again. */
  tellsKept: boolean;
}

/**
 * What an engine must do on every runtime; each is tried in a process of its own, since
 * onnxruntime does not stand two ways of calling it in one for long.
 */
export function describeEngine(runtime: RuntimeKind): void {
  describeEngineContract({
    name: `an engine on the ${runtime} runtime`,
    open: () => createEngine({ modelFolder: talesFolder, runtime, places: 2 }),
    windows: runtime === "binding" ? 1.5 : 3,
    tellsKept: true,
  });
}

/** What every engine must do, wherever it computes. */
export function describeEngineContract({ name, open, windows, tellsKept }: EngineContract): void {
  describe(`${name}, as every engine`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine.close());

    /** A sequence that is closed when the test is done with it. */
    async function withSequence<T>(use: (sequence: EngineSequence) => Promise<T>): Promise<T> {
      const sequence = engine.open();
      try {
        return await use(sequence);
      } finally {
        await sequence.close();
      }
    }
    const generate = (prompt: number[], sampling: Partial<Sampling>, firstIndex = 0) =>
      withSequence((sequence) => take(sequence.generate(request(prompt, sampling, firstIndex))));

    test("says what is fixed about its model", () => {
      expect(engine.model).toEqual({
        id: "tales",
        contextTokens: 512,
        vocabularySize: 4096,
        endOfTextId: 4095,
      });
    });

    test("yields maxTokens tokens with their index and window, and then ends", async () => {
      const tokens = await generate(someTokens(20), { maxTokens: 5, minTokens: 5 });
      expect(tokens.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
      expect(tokens.map((token) => token.contextTokens)).toEqual([20, 21, 22, 23, 24]);
      expect(tokens.every(({ logprob }) => logprob <= 0 && Number.isFinite(logprob))).toBe(true);
    });

    test("a run can be repeated exactly, and gone on with from any token", async () => {
      const prompt = someTokens(30, 1);
      const whole = idsOf(await generate(prompt, { maxTokens: 24, minTokens: 24 }));
      expect(idsOf(await generate(prompt, { maxTokens: 24, minTokens: 24 }))).toEqual(whole);
      const rest = { maxTokens: 24, minTokens: 24 };
      const resumed = await generate([...prompt, ...whole.slice(0, 10)], rest, 10);
      expect(idsOf(resumed)).toEqual(whole.slice(10));
      const other = await generate(prompt, { maxTokens: 24, minTokens: 24, seed: 6 });
      expect(idsOf(other)).not.toEqual(whole);
    });

    test("a run that has had its maxTokens ends without a token", async () => {
      expect(await generate(someTokens(5), { maxTokens: 8 }, 8)).toEqual([]);
    });

    test.runIf(tellsKept)("an edited prompt keeps the longest common prefix and nothing else", () =>
      withSequence(async (sequence) => {
        const prompt = someTokens(120, 2);
        const kept = async (tokens: number[]) => {
          const generation = sequence.generate(request(tokens));
          const [first] = await take(generation, 1);
          return { ...(await generation.prefill), first: first?.id };
        };
        expect(await kept(prompt)).toMatchObject({ promptTokens: 120, keptTokens: 0 });
        expect(await kept(prompt)).toMatchObject({ promptTokens: 120, keptTokens: 118 });
        const edited = prompt.with(100, 17);
        const steered = await kept(edited);
        expect(steered).toMatchObject({ promptTokens: 120, keptTokens: 100 });
        const [fresh] = await generate(edited, { maxTokens: 1 });
        expect(steered.first).toBe(fresh?.id);
      }),
    );

    test.runIf(tellsKept)("what it wrote itself is kept for the next prompt", () =>
      withSequence(async (sequence) => {
        const prompt = someTokens(40, 3);
        const written = idsOf(await take(sequence.generate(request(prompt)), 10));
        const next = sequence.generate(request([...prompt, ...written], {}, 10));
        await take(next, 1);
        expect((await next.prefill).keptTokens).toBe(49);
      }),
    );

    test(`an endless run goes on for ${windows} windows; after a shift it writes what a fresh prompt of the kept half would`, async () => {
      const prompt = someTokens(100, 4);
      const tokens = await withSequence((sequence) =>
        take(sequence.generate(request(prompt)), windows * contextTokens),
      );
      expect(tokens.map(({ index }) => index)).toEqual(tokens.map((_, i) => i));
      expect(tokens.every(({ id }) => id !== engine.model.endOfTextId)).toBe(true);
      const all = [...prompt, ...idsOf(tokens)];
      const shifts = tokens.filter(
        (token, i) => token.droppedTokens !== (tokens[i - 1]?.droppedTokens ?? 0),
      );
      expect(shifts.length).toBeGreaterThanOrEqual(2 * windows - 1);
      for (const token of [shifts[0], shifts.at(-1)]) {
        const { index = 0, droppedTokens = 0 } = token ?? {};
        const window = all.slice(droppedTokens, prompt.length + index);
        expect(token?.contextTokens).toBe(window.length);
        expect(window.length).toBe(contextTokens / 2);
        const [fresh] = await generate(window, { maxTokens: index + 1 }, index);
        expect(fresh).toMatchObject({ id: token?.id, index });
        expect(fresh?.logprob).toBeCloseTo(token?.logprob ?? Number.NaN, 4);
      }
    }, 120_000);

    test("the end of the text ends the run and is yielded last", async () => {
      const { endOfTextId } = engine.model;
      const ending = (await loadTokenizer(talesFolder, endOfTextId)).encode("THE END");
      for (let seed = 1; seed <= 20; seed++) {
        const tokens = idsOf(await generate(ending, { maxTokens: 45, seed }));
        if (!tokens.includes(endOfTextId)) continue;
        expect(tokens.indexOf(endOfTextId)).toBe(tokens.length - 1);
        return;
      }
      expect.unreachable("no run ended by itself");
    }, 60_000);

    test("E21: a third generation waits in line for one of two places, and gets it when one is free", async () => {
      const [first, second, third] = [engine.open(), engine.open(), engine.open()];
      const running = [first, second].map((sequence) =>
        sequence.generate(request(someTokens(5)))[Symbol.asyncIterator](),
      );
      for (const iterator of running) await iterator.next();
      const waiting = take(
        third.generate(request(someTokens(5, 6), { maxTokens: 3, minTokens: 3 })),
      );
      await vi.waitFor(() => expect(third.queuePosition).toBe(1));
      expect([first.queuePosition, second.queuePosition]).toEqual([0, 0]);
      await running[0]?.return?.();
      expect(await waiting).toHaveLength(3);
      expect(third.queuePosition).toBe(0);
      await running[1]?.return?.();
      for (const sequence of [first, second, third]) await sequence.close();
    });

    test("E3: several at once each write what they would write alone", async () => {
      const prompts = [someTokens(150, 7), someTokens(3, 8), someTokens(60, 9)];
      const limits = { maxTokens: 30, minTokens: 30 };
      const alone: number[][] = [];
      for (const prompt of prompts) alone.push(idsOf(await generate(prompt, limits)));
      const together = await Promise.all(prompts.map((prompt) => generate(prompt, limits)));
      expect(together.map(idsOf)).toEqual(alone);
    }, 60_000);

    test.runIf(tellsKept)(
      "E19: what a closed sequence computed is kept for another that begins alike",
      async () => {
        const prompt = someTokens(100, 11);
        const kept = () =>
          withSequence(async (sequence) => {
            const generation = sequence.generate(request(prompt));
            await take(generation, 1);
            return (await generation.prefill).keptTokens;
          });
        expect([await kept(), await kept()]).toEqual([0, 98]);
      },
    );

    test("tells the likeliest tokens beside each drawn one, where that is asked for", () =>
      withSequence(async (sequence) => {
        const wanted = { ...request(someTokens(20), { maxTokens: 3, minTokens: 3 }) };
        const plain = await take(sequence.generate(wanted));
        const tokens = await take(sequence.generate({ ...wanted, alternatives: 4 }));
        expect(idsOf(tokens)).toEqual(idsOf(plain));
        for (const { alternatives = [] } of tokens) {
          expect(alternatives).toHaveLength(4);
          const logprobs = alternatives.map(({ logprob }) => logprob);
          expect(logprobs).toEqual(logprobs.toSorted((a, b) => b - a));
        }
        expect(plain.every(({ alternatives }) => alternatives === undefined)).toBe(true);
      }));

    test("E26: never completes a banned sequence", () =>
      withSequence(async (sequence) => {
        const greedy = request(someTokens(20), { strategy: "greedy", maxTokens: 4, minTokens: 4 });
        const [first = 0, second = 0, ...rest] = idsOf(await take(sequence.generate(greedy)));
        const bannedSequences = [[first, second]];
        const other = idsOf(await take(sequence.generate({ ...greedy, bannedSequences })));
        expect(other[0]).toBe(first);
        expect(other[1]).not.toBe(second);
        expect(rest).toHaveLength(2);
      }));

    test("E23: a beam search yields its text when it has found it, the same each time", async () => {
      const limits = { strategy: "beams", beams: 5, maxTokens: 8, minTokens: 8 } as const;
      const tokens = await generate(someTokens(30, 12), limits);
      expect(tokens.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(tokens.every(({ logprob }) => logprob <= 0 && Number.isFinite(logprob))).toBe(true);
      expect(idsOf(await generate(someTokens(30, 12), { ...limits, seed: 9 }))).toEqual(
        idsOf(tokens),
      );
      const endlessly = generate([1], { strategy: "beams", maxTokens: null });
      await expect(endlessly).rejects.toThrow(InvalidError);
    });

    test("aborting ends the loop at once with the signal's reason", () =>
      withSequence(async (sequence) => {
        const controller = new AbortController();
        const reason = new Error("enough");
        const seen: number[] = [];
        const loop = (async () => {
          const generation = sequence.generate(request(someTokens(20)), controller.signal);
          for await (const token of generation) {
            seen.push(token.index);
            if (token.index === 3) controller.abort(reason);
          }
        })();
        await expect(loop).rejects.toBe(reason);
        expect(seen).toEqual([0, 1, 2, 3]);
        expect(await take(sequence.generate(request(someTokens(20))), 2)).toHaveLength(2);
      }));

    test("a signal that was aborted before starts nothing", () =>
      withSequence(async (sequence) => {
        const generation = sequence.generate(request([1]), AbortSignal.abort("no"));
        await expect(take(generation)).rejects.toBe("no");
        await expect(generation.prefill).rejects.toBe("no");
      }));

    test("aborting during a prefill rejects the prefill, and what was computed is kept", () =>
      withSequence(async (sequence) => {
        const controller = new AbortController();
        const prompt = someTokens(500, 10);
        const generation = sequence.generate(request(prompt), controller.signal);
        controller.abort(new Error("edited"));
        await expect(generation.prefill).rejects.toThrow("edited");
        const next = sequence.generate(request(prompt.with(499, 1)));
        await take(next, 1);
        expect((await next.prefill).promptTokens).toBe(500);
      }));

    test("starting another generation ends the one before", () =>
      withSequence(async (sequence) => {
        const before = sequence.generate(request(someTokens(20)))[Symbol.asyncIterator]();
        await before.next();
        const after = take(
          sequence.generate(request(someTokens(20), { maxTokens: 2, minTokens: 2 })),
        );
        expect(await before.next()).toEqual({ done: true, value: undefined });
        expect(await after).toHaveLength(2);
      }));

    test.each([
      ["no token", []],
      ["a whole window", someTokens(contextTokens)],
      ["an id outside the vocabulary", [4096]],
      ["half an id", [1.5]],
    ])("a prompt of %s is refused", (_, prompt) =>
      withSequence(async (sequence) => {
        await expect(take(sequence.generate(request(prompt)))).rejects.toThrow(InvalidError);
      }),
    );

    test("a closed sequence generates nothing", async () => {
      const sequence = engine.open();
      await sequence.close();
      await sequence.close();
      await expect(take(sequence.generate(request([1])))).rejects.toThrow(InvalidError);
    });
  });
}

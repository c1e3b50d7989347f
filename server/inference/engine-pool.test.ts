import { expect, test } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
import { createScriptedModel } from "../../tests/support/scripted-engine.ts";
import { UnavailableError } from "../errors.ts";
import { createEnginePool, type PoolMember } from "./engine-pool.ts";

const sampling = { ...defaultSampling, seed: 1, maxTokens: null };

/** A member that the test takes away and brings back. */
function createMember(name: string, places = 4) {
  const model = createScriptedModel();
  let here = true;
  const member: PoolMember = {
    name,
    kind: "remote",
    places,
    failures: 0,
    problem: undefined,
    get near() {
      return here;
    },
    get available() {
      return here;
    },
    async ready() {
      if (!here) throw new UnavailableError(`${name} is away.`);
    },
    open: () => ({ sequence: model.engine.open(), isAlive: () => here }),
    async close() {
      here = false;
      model.lose();
    },
  };
  return {
    member,
    model,
    setHere(value: boolean) {
      here = value;
      if (value) model.restart();
      else model.lose();
    },
  };
}

const sequencesOf = (pool: ReturnType<typeof createEnginePool>) =>
  pool.members().map(({ sequences }) => sequences);

test("E12: each sequence goes where the most room is, for its places", () => {
  const [small, large] = [createMember("small", 1), createMember("large", 4)];
  const pool = createEnginePool(small.model.engine.model, [small.member, large.member]);
  for (let opened = 0; opened < 5; opened++) pool.open();
  expect(sequencesOf(pool)).toEqual([1, 4]);
  expect(pool.openSequences).toBe(5);
});

test("E12: a sequence whose engine was lost fails, and goes on elsewhere with its next request", async () => {
  const [one, two] = [createMember("one"), createMember("two")];
  const pool = createEnginePool(one.model.engine.model, [one.member, two.member]);
  const sequence = pool.open();
  const request = { prompt: [1, 2], firstIndex: 0, sampling };
  const running = sequence.generate(request)[Symbol.asyncIterator]();
  await running.next();
  one.setHere(false);
  await expect(running.next()).rejects.toThrow(UnavailableError);
  const again = sequence.generate(request)[Symbol.asyncIterator]();
  expect(await again.next()).toMatchObject({ done: false });
  expect([one.model.requests.length, two.model.requests.length]).toEqual([1, 1]);
  expect(sequencesOf(pool)).toEqual([0, 1]);
  await sequence.close();
  await sequence.close();
  expect([pool.openSequences, ...sequencesOf(pool)]).toEqual([0, 0, 0]);
});

test("with no engine left nothing can be opened or go on, until one is back", async () => {
  const one = createMember("one");
  const pool = createEnginePool(one.model.engine.model, [one.member]);
  const sequence = pool.open();
  one.setHere(false);
  expect(pool.available).toBe(false);
  expect(() => pool.open()).toThrow(UnavailableError);
  await expect(pool.ready()).rejects.toThrow("one is away");
  const { prefill } = sequence.generate({ prompt: [1], firstIndex: 0, sampling });
  await expect(prefill).rejects.toThrow(UnavailableError);
  one.setHere(true);
  await pool.ready();
  await sequence.generate({ prompt: [1], firstIndex: 0, sampling }).prefill;
  expect(() => pool.open()).not.toThrow();
});

test("a pool without an engine says so", async () => {
  const pool = createEnginePool(createScriptedModel().engine.model, []);
  await expect(pool.ready()).rejects.toThrow('No engine is set up for the model "scripted"');
});

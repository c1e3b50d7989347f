import { expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { createScriptedModel } from "../../tests/support/scripted-engine.ts";
import { createEnginePool, type PoolMember } from "../inference/engine-pool.ts";
import { createLogger } from "../observability/logger.ts";
import { LoadedModels } from "./loaded-models.ts";

test("E11: a model that somebody waits for is not unloaded while its engine is being started again", async () => {
  const clock = new ManualClock();
  const { engine, tokenizer } = createScriptedModel();
  let closed = false;
  let available = true;
  let becomeReady: () => void = () => {};
  const member: PoolMember = {
    name: "local",
    kind: "local",
    places: 1,
    failures: 0,
    problem: undefined,
    get near() {
      return !closed;
    },
    get available() {
      return available;
    },
    ready: () => new Promise((resolve) => (becomeReady = resolve)),
    open: () => ({ sequence: engine.open(), isAlive: () => available }),
    async close() {
      closed = true;
    },
  };
  const models = new LoadedModels({
    clock,
    logger: createLogger("silent"),
    open: async () => ({ engine: createEnginePool(engine.model, [member]), tokenizer }),
    stays: () => false,
  });
  await models.load("other");
  clock.advance(9.5 * 60_000);
  available = false;
  const waiting = models.load("other");
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5 * 60_000);
  expect(closed).toBe(false);
  available = true;
  becomeReady();
  expect((await waiting).engine.available).toBe(true);
  await models.close();
  expect(closed).toBe(true);
});

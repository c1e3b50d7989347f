import { expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { createScriptedModel, type ScriptedModel } from "../../tests/support/scripted-engine.ts";
import { UnavailableError } from "../errors.ts";
import { createLogger } from "../observability/logger.ts";
import { RestartingEngine } from "./restarting-engine.ts";

/** An engine whose starts and losses the test decides. */
function open(start?: (attempt: number) => ScriptedModel) {
  const clock = new ManualClock();
  const started: ScriptedModel[] = [];
  const startedAtMs: number[] = [];
  const engine = new RestartingEngine({
    async start() {
      startedAtMs.push(clock.now());
      const model = start ? start(startedAtMs.length) : createScriptedModel();
      started.push(model);
      return model.engine;
    },
    places: 4,
    clock,
    logger: createLogger("silent"),
  });
  return { engine, clock, startedAtMs, lose: () => started.at(-1)?.lose() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("E12: a lost engine is started again at once, and what was open there is not", async () => {
  const { engine, clock, startedAtMs, lose } = open();
  await engine.ready();
  const held = engine.open();
  expect(held.isAlive()).toBe(true);
  lose();
  expect([engine.available, held.isAlive()]).toEqual([false, false]);
  expect(engine.problem).toBe("The engine was lost.");
  expect(() => engine.open()).toThrow(UnavailableError);
  clock.advance(0);
  await engine.ready();
  expect(startedAtMs).toEqual([0, 0]);
  expect([engine.available, held.isAlive(), engine.failures]).toEqual([true, false, 1]);
  await engine.close();
});

test("E12: one that is lost again and again is started ever more slowly, at most every 30 seconds", async () => {
  const { engine, clock, startedAtMs, lose } = open();
  const delaysMs: number[] = [];
  for (let loss = 1; loss <= 10; loss++) {
    await settled();
    const lostAtMs = clock.now();
    lose();
    while (startedAtMs.length === loss) clock.advance(50);
    delaysMs.push((startedAtMs.at(-1) ?? 0) - lostAtMs);
  }
  expect(delaysMs).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  await settled();
  clock.advance(10_000);
  lose();
  clock.advance(0);
  await settled();
  expect(engine.available).toBe(true);
  await engine.close();
});

test("E12: who needs an engine that rests for long is told at once; for a short rest he waits", async () => {
  const broken = () => {
    throw new UnavailableError("There is no such file.");
  };
  const { engine, clock } = open((attempt) => (attempt < 9 ? broken() : createScriptedModel()));
  await expect(engine.ready()).rejects.toThrow("no such file");
  for (let attempt = 2; attempt < 7; attempt++) {
    const waits = engine.ready();
    clock.advance(30_000);
    await expect(waits).rejects.toThrow("no such file");
  }
  const waits = engine.ready();
  clock.advance(30_000);
  await expect(waits).rejects.toThrow("no such file");
  await expect(engine.ready()).rejects.toThrow("failed 7 times in a row");
  clock.advance(30_000);
  await settled();
  clock.advance(30_000);
  await settled();
  expect(engine.available).toBe(true);
  await engine.close();
});

test("closing ends every wait, a start under way too", async () => {
  const { engine, startedAtMs, clock } = open();
  const waits = engine.ready();
  const closing = engine.close();
  await expect(waits).rejects.toThrow(UnavailableError);
  await closing;
  await expect(engine.ready()).rejects.toThrow(UnavailableError);
  clock.advance(120_000);
  expect(startedAtMs).toHaveLength(1);
});

import { beforeEach, expect, test } from "vitest";
import { defaultMemoryMb } from "./default-memory.ts";
import { MemoryPool } from "./memory-pool.ts";
import { createPretendModel } from "./test-support/pretend-model.ts";

const model = createPretendModel({ contextTokens: 128, vocabularySize: 8, maxRows: 4 });
const full = model.bytesFor(128);
let pool: MemoryPool;
beforeEach(() => {
  pool = new MemoryPool({ model, budgetBytes: 3 * full, idleLimit: 4 });
});

/** An idle memory of `tokens`, as a holder left it that is gone. */
function leave(sequence: number, tokens: readonly number[]) {
  const holder = {};
  expect(pool.reserve(holder, full)).toBe(true);
  const memory = pool.create(holder, sequence);
  memory.cache.reserve(128);
  memory.computed.push(...tokens);
  pool.release(holder);
  return memory;
}
const query = (tokens: readonly number[], sequence = 9) => ({
  tokens,
  sequence,
  holder: {},
  mostKept: tokens.length,
});

test("E20: reservations count before anything is computed, and idle memory only where nobody needs it", () => {
  const [one, other] = [{}, {}];
  const idle = leave(0, [1, 2, 3]);
  expect(pool.reserve(one, 2 * full)).toBe(true);
  expect(pool.isIdle(idle)).toBe(true);
  expect(pool.reserve(other, 2 * full)).toBe(false);
  expect(pool.isIdle(idle)).toBe(true);
  expect(pool.reserve(other, full)).toBe(true);
  expect(pool.isIdle(idle)).toBe(false);
  expect(idle.cache.bytes).toBe(0);
  expect(pool.bytes).toBe(3 * full);
  pool.release(one);
  expect(pool.reserve(other, 3 * full)).toBe(true);
});

test("E20: where there is no room for a new memory beside the one that is wanted, that is handed over", () => {
  const [one, other] = [{}, {}];
  expect(pool.reserve(one, 2 * full)).toBe(true);
  const wanted = leave(0, [1, 2, 3]);
  expect(pool.reserve(other, full, wanted)).toBe(true);
  expect(pool.holds(other, wanted)).toBe(true);
  expect(wanted.cache.bytes).toBe(full);
  expect(pool.bytes).toBe(3 * full);
});

test("E19: finds the memory with most of a text; of equals one's own, then the one with least else", () => {
  leave(1, [1, 2, 3, 4, 5]);
  const short = leave(2, [1, 2, 3]);
  expect(pool.search(query([1, 2, 3, 9]))).toEqual({ memory: short, kept: 3 });
  expect(pool.search(query([1, 2, 3, 9], 1))?.memory.sequence).toBe(1);
  expect(pool.search(query([1, 2, 3, 4], 2))?.kept).toBe(4);
  expect(pool.search(query([7]))).toBeUndefined();
});

test("E20: no more idle memories are kept than are looked through quickly, and no empty ones", () => {
  pool = new MemoryPool({ model, budgetBytes: 100 * full, idleLimit: 4 });
  const memories = [1, 2, 3, 4, 5, 6].map((id) => leave(id, [id]));
  const empty = leave(7, []);
  pool.sweep();
  expect(memories.map((memory) => pool.isIdle(memory))).toEqual([
    false,
    false,
    false,
    true,
    true,
    true,
  ]);
  expect(pool.isIdle(empty)).toBe(false);
  pool.close();
  expect(memories.every(({ cache }) => cache.bytes === 0)).toBe(true);
});

test("E20: what is discarded is freed with the next sweep, not before", () => {
  const holder = {};
  pool.reserve(holder, full);
  const memory = pool.create(holder, 1);
  memory.cache.reserve(128);
  pool.discard(holder, memory);
  expect(memory.cache.bytes).toBe(full);
  expect(pool.bytes).toBe(2 * full);
  pool.sweep();
  expect(memory.cache.bytes).toBe(0);
});

test("E20: what is discarded beside somebody's work is freed a layer with each sweep, and all of it for who wants room or when nobody works on", () => {
  const layers = 3;
  const layered = createPretendModel({ contextTokens: 128, vocabularySize: 8, maxRows: 4, layers });
  const most = layered.bytesFor(128);
  const discardOne = () => {
    pool = new MemoryPool({ model: layered, budgetBytes: 2 * most, idleLimit: 4 });
    const holder = {};
    pool.reserve(holder, most);
    const memory = pool.create(holder, 1);
    memory.cache.reserve(128);
    pool.discard(holder, memory);
    pool.sweep();
    expect(memory.cache.tensors).toHaveLength(2 * (layers - 1));
    expect(pool.bytes).toBe(2 * most);
    return { holder, cache: memory.cache };
  };

  const working = discardOne();
  pool.sweep();
  pool.sweep();
  expect([working.cache.tensors.length, working.cache.bytes, pool.bytes]).toEqual([0, 0, most]);

  const crowded = discardOne();
  expect(pool.reserve({}, most)).toBe(true);
  expect([crowded.cache.bytes, pool.bytes]).toEqual([0, 2 * most]);

  const gone = discardOne();
  pool.release(gone.holder);
  pool.sweep();
  expect([gone.cache.bytes, pool.bytes]).toEqual([0, 0]);
});

test("the memory for keys and values is a share of what the process may use", () => {
  const megabytes = defaultMemoryMb();
  expect(megabytes).toBeGreaterThanOrEqual(256);
  expect(Number.isInteger(megabytes)).toBe(true);
});

import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { OnnxGraph } from "../model-library/onnx-graph.ts";
import { openRuntime } from "./open-runtime.ts";

const [inputs, outputs] = [2048, 4096];
const weightsSize = 4 * inputs * outputs;
let folder: string;
let graphFile: string;

/** A graph of one large matrix, which onnxruntime lays out anew for the processor. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weights-"));
  const location = {
    type: "float32",
    shape: [inputs, outputs],
    offset: 0,
    length: weightsSize,
  } as const;
  const graph = new OnnxGraph(new Map([["matrix", location]]), "weights.bin");
  graph.input("x", "float32", ["rows", inputs]);
  graph.node("MatMul", ["x", graph.weight("matrix")], { outputs: ["y"] });
  graph.output("y", "float32", ["rows", outputs]);
  graphFile = join(folder, "graph.onnx");
  writeFileSync(graphFile, graph.finish("one matrix"));
  const values = Float32Array.from({ length: inputs * outputs }, (_, i) => (i % 7) - 3);
  writeFileSync(join(folder, "weights.bin"), values);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Bytes of this process's memory that no file backs. */
function ownMemory(): number {
  const report = readFileSync("/proc/self/smaps_rollup", "utf8");
  return 1024 * Number(/^Anonymous:\s+(\d+)/m.exec(report)?.[1]);
}

/** Opens it five times; returns what the first took, and what all others together. */
async function openAndRelease(): Promise<[first: number, others: number]> {
  const { runtime } = await openRuntime("zero-copy");
  const before = ownMemory();
  const sessions = [await runtime.open(graphFile, 1)];
  const first = ownMemory();
  for (let i = 0; i < 4; i++) sessions.push(await runtime.open(graphFile, 1));
  const all = ownMemory();
  for (const session of sessions) await session.release();
  runtime.release();
  return [first - before, all - first];
}

test.runIf(process.platform === "linux")(
  "graphs with the same weights hold them in memory once, and give them back",
  async () => {
    const [first, others] = await openAndRelease();
    expect(first).toBeGreaterThan(weightsSize / 2);
    expect(others).toBeLessThan(6 * 0.75 * weightsSize);
    const repeat = async () => {
      for (let i = 0; i < 4; i++) await openAndRelease();
    };
    await repeat(); // The heap finds its size first.
    const before = ownMemory();
    await repeat();
    expect(ownMemory() - before).toBeLessThan(weightsSize);
  },
  60_000,
);

/** Linux moves memory to large pages when it is asked to since 6.1. */
function movesToLargePages(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const isNew = major > 6 || (major === 6 && minor >= 1);
  return process.platform === "linux" && isNew && existsSync("/sys/kernel/mm/transparent_hugepage");
}

/** Whether the system has large pages to spare: it may have none, or none in one piece. */
function hasLargePages(): boolean {
  const library = koffi.load("libc.so.6");
  const map = library.func("uint64_t mmap(void *, size_t, int, int, int, long)");
  const advise = library.func("int madvise(uint64_t, size_t, int)");
  const control = library.func("prctl", "int", ["int", ...Array(4).fill("unsigned long")]);
  const [readWrite, privatePopulated, collapse, disableLargePages] = [3, 0x8022, 25, 41];
  const memory = map(null, 2 * weightsSize, readWrite, privatePopulated, -1, 0);
  control(disableLargePages, 0, 0, 0, 0);
  const refused = advise(memory, 2 * weightsSize, collapse);
  control(disableLargePages, 1, 0, 0, 0);
  library.func("int munmap(uint64_t, size_t)")(memory, 2 * weightsSize);
  return refused === 0;
}

test.runIf(movesToLargePages())(
  "weights lie in large pages, and leave none behind",
  async (context) => {
    const inLargePages = () => {
      const report = readFileSync("/proc/self/smaps_rollup", "utf8");
      return 1024 * Number(/^AnonHugePages:\s+(\d+)/m.exec(report)?.[1]);
    };
    const { runtime } = await openRuntime("zero-copy");
    onTestFinished(() => runtime.release());
    if (!hasLargePages()) context.skip("the system has no large pages to spare just now");
    const before = inLargePages();
    const session = await runtime.open(graphFile, 1);
    expect(inLargePages() - before).toBeGreaterThan(weightsSize / 2);
    await session.release();
    runtime.release();
    expect(inLargePages() - before).toBeLessThan(weightsSize / 2);
  },
);

test("E3: a graph computes the same with weights that another one has laid out", async () => {
  const { runtime } = await openRuntime("zero-copy");
  const x = runtime.tensor(
    Float32Array.from({ length: inputs }, (_, i) => i % 5),
    [1, inputs],
  );
  const results: Float32Array[] = [];
  const sessions = [await runtime.open(graphFile, 1), await runtime.open(graphFile, 1)];
  for (const session of sessions) {
    const result = new Float32Array(outputs);
    const y = runtime.tensor(result, [1, outputs]);
    const call = session.prepare(["x"], ["y"]);
    call.setInput(0, x);
    call.setOutput(0, y);
    await call.run();
    y.release();
    results.push(result);
  }
  const column = Array.from({ length: inputs }, (_, i) => (i % 5) * (((i * outputs) % 7) - 3));
  expect(results[0]?.[0]).toBe(column.reduce((sum, value) => sum + value));
  expect(results[1]).toEqual(results[0]);
  x.release();
  for (const session of sessions) await session.release();
  runtime.release();
});

test("E7: a weights file that is shorter than its graph says is an error, not a crash", async () => {
  truncateSync(join(folder, "weights.bin"), weightsSize - 4);
  const { runtime } = await openRuntime("zero-copy");
  await expect(runtime.open(graphFile, 1)).rejects.toThrow("The weights file is too short");
  runtime.release();
});

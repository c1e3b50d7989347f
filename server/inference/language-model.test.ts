import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { loadLanguageModel } from "./language-model.ts";
import type { OnnxRuntime } from "./onnx-runtime.ts";
import { openRuntime } from "./open-runtime.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

test("the zero-copy runtime is chosen where nobody says otherwise", async () => {
  const { runtime, fallbackReason } = await openRuntime();
  expect([runtime.kind, fallbackReason]).toEqual(["zero-copy", undefined]);
  runtime.release();
});

/** Graphs that do nothing, and are counted. */
function countingRuntime(tensor: OnnxRuntime["tensor"]) {
  const opened: string[] = [];
  const released: string[] = [];
  const runtime: OnnxRuntime = {
    kind: "binding",
    sharesWeights: true,
    async open(path) {
      opened.push(basename(path));
      return {
        prepare: () => ({ setInput() {}, setOutput() {}, run: async () => {} }),
        release: async () => void released.push(basename(path)),
      };
    },
    tensor,
    release: () => void released.push("runtime"),
  };
  return { runtime, opened, released };
}
const anyTensor: OnnxRuntime["tensor"] = (data) => ({ data, released: false, release() {} });

test("a graph for which there is no memory is given back, and all that was loaded with it", async () => {
  const { runtime, released } = countingRuntime(() => {
    throw new RangeError("Array buffer allocation failed");
  });
  const loading = loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  await expect(loading).rejects.toThrow("allocation failed");
  expect(released).toEqual(["model-1.onnx", "runtime"]);
});

test("E11: graphs that load when the model was replaced under its name are not mixed with its weights", async () => {
  const { runtime, opened, released } = countingRuntime(anyTensor);
  const isReplaced = () => opened.length > 2;
  const options = { folder: talesFolder, card: talesCard, runtime, threads: 1, isReplaced };
  const model = await loadLanguageModel(options);
  await expect(model.complete).rejects.toThrow("replaced");
  expect(opened).toEqual(["model-1.onnx", "model-2.onnx", "model-4.onnx"]);
  expect(released).toEqual(["model-4.onnx"]);
  await model.release();
  expect(released.toSorted()).toEqual(["model-1.onnx", "model-2.onnx", "model-4.onnx", "runtime"]);
});

test("a released session refuses to run, and releasing twice is fine", async () => {
  const { runtime } = await openRuntime("zero-copy");
  const model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  const cache = model.createCache();
  cache.reserve(1);
  await model.release();
  await model.release();
  await expect(model.run([{ cache, past: 0, tokens: [1], outputs: 1 }])).rejects.toThrow(
    "released",
  );
});

/** The last logits of a prompt, and how many threads the graph had that read it. */
async function read(tokens: readonly number[], threads?: number) {
  const { runtime } = await openRuntime("zero-copy");
  let threadsOfLastRun = 0;
  const open: OnnxRuntime["open"] = async (path, most) => {
    const session = await runtime.open(path, most);
    const prepare: typeof session.prepare = (inputs, outputs) => {
      const call = session.prepare(inputs, outputs);
      const run = () => {
        threadsOfLastRun = most;
        return call.run();
      };
      return { setInput: call.setInput.bind(call), setOutput: call.setOutput.bind(call), run };
    };
    return { prepare, release: () => session.release() };
  };
  const watched = { ...runtime, open };
  const options = { folder: talesFolder, card: talesCard, runtime: watched, threads };
  const model = await loadLanguageModel(options);
  await model.complete;
  const cache = model.createCache();
  const [last] = (await model.run([{ cache, past: 0, tokens, outputs: 1 }])).flat();
  const logits = last?.slice();
  cache.release();
  await model.release();
  return { threads: threadsOfLastRun, logits };
}

test.runIf(availableParallelism() > 1)(
  "E24: a small model's long prompt is read by two threads, and gives the same bits as by one",
  async () => {
    const prompt = someTokens(256, 1);
    const one = await read(prompt, 1);
    const two = await read(prompt);
    expect([one.threads, two.threads]).toEqual([1, 2]);
    expect(two.logits).toEqual(one.logits);
    expect((await read(prompt.slice(0, 8))).threads).toBe(1);
  },
);

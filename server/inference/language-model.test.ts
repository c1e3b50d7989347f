import { basename } from "node:path";
import { expect, test } from "vitest";
import { loadLanguageModel } from "./language-model.ts";
import type { OnnxRuntime } from "./onnx-runtime.ts";
import { openRuntime } from "./open-runtime.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";

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
  const options = { folder: talesFolder, card: talesCard, runtime, isReplaced };
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

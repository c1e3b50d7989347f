import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  lookUp,
  type NamedTensors,
  type OnnxRuntime,
  type OnnxTensor,
  type TensorData,
} from "./onnx-runtime.ts";

/** onnxruntime-node's own API: slower, and there wherever onnxruntime-node installs. */
export function createBindingRuntime(): OnnxRuntime {
  const views = new WeakMap<OnnxTensor, Tensor>();
  return {
    kind: "binding",
    async open(path, threads) {
      const session = await InferenceSession.create(path, sessionOptions(threads));
      let released = false;
      return {
        async run(inputs, outputs) {
          await session.run(unwrap(inputs, views), unwrap(outputs, views));
        },
        async release() {
          if (released) return;
          released = true;
          await session.release();
        },
      };
    },
    tensor(data, shape) {
      const view: OnnxTensor = { data, release: () => void views.delete(view) };
      views.set(view, wrap(data, shape));
      return view;
    },
    release() {},
  };
}

function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}

function wrap(data: TensorData, shape: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, shape);
  if (data instanceof Int32Array) return new Tensor("int32", data, shape);
  return new Tensor("int64", data, shape);
}

function unwrap(tensors: NamedTensors, views: WeakMap<OnnxTensor, Tensor>): Record<string, Tensor> {
  const unwrapped: Record<string, Tensor> = {};
  for (const [name, view] of tensors) unwrapped[name] = lookUp(views, view, name);
  return unwrapped;
}

import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  type OnnxCall,
  type OnnxRuntime,
  type OnnxTensor,
  refuseReleased,
  type TensorData,
} from "./onnx-runtime.ts";

/** onnxruntime-node's own API: slower, and there wherever onnxruntime-node installs. */
export function createBindingRuntime(): OnnxRuntime {
  return {
    kind: "binding",
    sharesWeights: false,
    async open(path, threads) {
      const session = await InferenceSession.create(path, sessionOptions(threads));
      let released = false;
      return {
        prepare: (inputs, outputs) => new BindingCall(session, inputs, outputs),
        async release() {
          if (released) return;
          released = true;
          await session.release();
        },
      };
    },
    tensor: (data, shape) => new BindingTensor(data, shape),
    release() {},
  };
}

function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableMemPattern: false,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}

class BindingTensor implements OnnxTensor {
  #wrapped: Tensor | undefined;
  #data: TensorData;

  constructor(data: TensorData, shape: readonly number[]) {
    this.#data = data;
    this.#wrapped = wrap(data, shape);
  }

  get data(): TensorData {
    return this.#data;
  }

  get wrapped(): Tensor | undefined {
    return this.#wrapped;
  }

  get released(): boolean {
    return this.#wrapped === undefined;
  }

  release(): void {
    this.#wrapped = undefined;
    this.#data = new Float32Array(0);
  }
}

function wrap(data: TensorData, shape: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, shape);
  if (data instanceof Int32Array) return new Tensor("int32", data, shape);
  return new Tensor("int64", data, shape);
}

class BindingCall implements OnnxCall {
  readonly #session: InferenceSession;
  readonly #inputs: Side;
  readonly #outputs: Side;

  constructor(session: InferenceSession, inputs: readonly string[], outputs: readonly string[]) {
    this.#session = session;
    this.#inputs = new Side(inputs);
    this.#outputs = new Side(outputs);
  }

  setInput(place: number, tensor: OnnxTensor): void {
    this.#inputs.set(place, tensor);
  }

  setOutput(place: number, tensor: OnnxTensor): void {
    this.#outputs.set(place, tensor);
  }

  async run(): Promise<void> {
    await this.#session.run(this.#inputs.wrapped(), this.#outputs.wrapped());
  }
}

/** The inputs of a call, or its outputs. */
class Side {
  readonly #names: readonly string[];
  readonly #tensors: (BindingTensor | undefined)[];

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#tensors = names.map(() => undefined);
  }

  set(place: number, tensor: OnnxTensor): void {
    if (!(tensor instanceof BindingTensor)) throw new Error("The tensor is another runtime's.");
    this.#tensors[place] = tensor;
  }

  wrapped(): Record<string, Tensor> {
    refuseReleased(this.#tensors, this.#names);
    const wrapped: Record<string, Tensor> = {};
    for (const [place, name] of this.#names.entries()) {
      const tensor = this.#tensors[place]?.wrapped;
      if (tensor !== undefined) wrapped[name] = tensor;
    }
    return wrapped;
  }
}

import koffi from "koffi";
import { giveLargeBlocksBack } from "./heap-blocks.ts";
import { layOutInLargePages, takeMemoryBySmallPages } from "./large-pages.ts";
import {
  type OnnxCall,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxTensor,
  refuseReleased,
  type TensorData,
} from "./onnx-runtime.ts";
import {
  loadOnnxRuntime,
  type OnnxRuntimeLibrary,
  type Pointer,
  type RunCall,
} from "./onnxruntime-library.ts";
import { SharedWeights } from "./shared-weights.ts";

/**
 * onnxruntime's C API through FFI: nothing is copied, and graphs with the same weights share them. A
 * run takes place on the calling thread, which for the engine is one of its own; loading does not.
 * Throws where the platform has no such library.
 */
export function createZeroCopyRuntime(): OnnxRuntime {
  const library = loadOnnxRuntime();
  giveLargeBlocksBack();
  takeMemoryBySmallPages();
  const environment = library.createEnvironment();
  const memoryInfo = library.createMemoryInfo();
  const weights = new SharedWeights(library, memoryInfo);
  let holdsWeights = false;
  let released = false;
  return {
    kind: "zero-copy",
    sharesWeights: true,
    async open(path, threads) {
      const initializers = weights.ofGraph(path);
      const prepackedWeights = weights.prepacked;
      const options = { environment, path, threads, initializers, prepackedWeights };
      const create = () => library.createSession(options);
      // The first graph's weights are the others' too, and keys and values come later.
      const session = await (holdsWeights ? create() : layOutInLargePages(create));
      holdsWeights = true;
      weights.forgetRead();
      return wrapSession(library, session);
    },
    tensor(data, shape) {
      return new NativeTensor(library, memoryInfo, data, shape);
    },
    release() {
      if (released) return;
      released = true;
      weights.release();
      library.release("memoryInfo", memoryInfo);
      library.release("environment", environment);
    },
  };
}

function wrapSession(library: OnnxRuntimeLibrary, session: Pointer): OnnxSession {
  /** While native code uses a call it must not be collected, whoever has forgotten it. */
  const inUse = new Set<NativeCall>();
  let released = false;
  const run = (call: NativeCall) => {
    if (released) throw new Error("The session was released before its run.");
    inUse.add(call);
    try {
      library.run(session, call.addresses);
    } finally {
      inUse.delete(call);
    }
  };
  return {
    prepare: (inputs, outputs) => new NativeCall(inputs, outputs, run),
    async release() {
      if (released) return;
      released = true;
      library.release("session", session);
    },
  };
}

/** It keeps the memory referenced until its release, so that what native code uses stays. */
class NativeTensor implements OnnxTensor {
  readonly address: Pointer;
  readonly #library: OnnxRuntimeLibrary;
  #data: TensorData;
  #released = false;

  constructor(
    library: OnnxRuntimeLibrary,
    memoryInfo: Pointer,
    data: TensorData,
    shape: readonly number[],
  ) {
    this.#data = data;
    this.#library = library;
    this.address = library.createTensor(memoryInfo, {
      data,
      byteLength: data.byteLength,
      shape: BigInt64Array.from(shape, BigInt),
      elementType: elementTypeOf(data),
    });
  }

  get data(): TensorData {
    return this.#data;
  }

  get released(): boolean {
    return this.#released;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#data = new Float32Array(0);
    this.#library.release("value", this.address);
  }
}

/** ONNXTensorElementDataType of the arrays that we wrap. */
function elementTypeOf(data: TensorData): number {
  if (data instanceof Float32Array) return 1;
  return data instanceof Int32Array ? 6 : 7;
}

/** Addresses keep nothing alive, so what they stand for stays beside them. */
class NativeCall implements OnnxCall {
  readonly addresses: RunCall;
  readonly #inputs: Side;
  readonly #outputs: Side;
  readonly #run: (call: NativeCall) => void;

  constructor(
    inputs: readonly string[],
    outputs: readonly string[],
    run: (call: NativeCall) => void,
  ) {
    this.#inputs = new Side(inputs);
    this.#outputs = new Side(outputs);
    this.#run = run;
    this.addresses = {
      inputNames: this.#inputs.nameAddresses,
      inputs: this.#inputs.addresses,
      outputNames: this.#outputs.nameAddresses,
      outputs: this.#outputs.addresses,
    };
  }

  setInput(place: number, tensor: OnnxTensor): void {
    this.#inputs.set(place, tensor);
  }

  setOutput(place: number, tensor: OnnxTensor): void {
    this.#outputs.set(place, tensor);
  }

  async run(): Promise<void> {
    this.#inputs.check();
    this.#outputs.check();
    this.#run(this);
  }
}

/** The inputs of a call, or its outputs. */
class Side {
  readonly nameAddresses: BigUint64Array;
  readonly addresses: BigUint64Array;
  readonly #names: readonly string[];
  /** C strings. */
  readonly #nameBytes: readonly Buffer[];
  readonly #tensors: (OnnxTensor | undefined)[];

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#nameBytes = names.map((name) => Buffer.from(`${name}\0`, "utf8"));
    this.nameAddresses = BigUint64Array.from(this.#nameBytes, (bytes) => koffi.address(bytes));
    this.addresses = new BigUint64Array(names.length);
    this.#tensors = names.map(() => undefined);
  }

  set(place: number, tensor: OnnxTensor): void {
    if (!(tensor instanceof NativeTensor)) throw new Error("The tensor is another runtime's.");
    this.#tensors[place] = tensor;
    this.addresses[place] = tensor.address;
  }

  check(): void {
    refuseReleased(this.#tensors, this.#names);
  }
}

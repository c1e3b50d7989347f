import koffi from "koffi";
import {
  lookUp,
  type NamedTensors,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxTensor,
  type TensorData,
} from "./onnx-runtime.ts";
import { loadOnnxRuntime, type OnnxRuntimeLibrary, type Pointer } from "./onnxruntime-library.ts";

/**
 * onnxruntime's C API through FFI: nothing is copied. A run takes place on the calling thread, which
 * for the engine is one of its own. Throws where the platform has no such library.
 */
export function createZeroCopyRuntime(): OnnxRuntime {
  const library = loadOnnxRuntime();
  const environment = library.createEnvironment();
  const memoryInfo = library.createMemoryInfo();
  const values = new WeakMap<OnnxTensor, Pointer>();
  let released = false;
  return {
    kind: "zero-copy",
    async open(path, threads) {
      const session = library.createSession(environment, path, threads);
      return wrapSession(library, session, values);
    },
    tensor(data, shape) {
      return createValue(library, memoryInfo, values, data, shape);
    },
    release() {
      if (released) return;
      released = true;
      library.release("memoryInfo", memoryInfo);
      library.release("environment", environment);
    },
  };
}

function wrapSession(
  library: OnnxRuntimeLibrary,
  session: Pointer,
  values: WeakMap<OnnxTensor, Pointer>,
): OnnxSession {
  const addressOfName = createNameTable();
  /**
   * What native code is using. Addresses do not keep anything alive, and koffi itself allocates on its
   * way into the call: without this, a tensor whose last mention has passed could be collected there.
   */
  const inUse = new Set<unknown>();
  let released = false;
  return {
    async run(inputs, outputs) {
      if (released) throw new Error("The session was released before its run.");
      const call = {
        inputNames: BigUint64Array.from(inputs.keys(), addressOfName),
        inputs: addressesOf(inputs, values),
        outputNames: BigUint64Array.from(outputs.keys(), addressOfName),
        outputs: addressesOf(outputs, values),
      };
      const using = { call, inputs, outputs };
      inUse.add(using);
      try {
        library.run(session, call);
      } finally {
        inUse.delete(using);
      }
    },
    async release() {
      if (released) return;
      released = true;
      library.release("session", session);
    },
  };
}

/** ONNXTensorElementDataType of the arrays that we wrap. */
function elementTypeOf(data: TensorData): number {
  if (data instanceof Float32Array) return 1;
  return data instanceof Int32Array ? 6 : 7;
}

/** The tensor object keeps `data` referenced, so its memory lives as long as the native value. */
function createValue(
  library: OnnxRuntimeLibrary,
  memoryInfo: Pointer,
  values: WeakMap<OnnxTensor, Pointer>,
  data: TensorData,
  shape: readonly number[],
): OnnxTensor {
  const dimensions = BigInt64Array.from(shape, BigInt);
  const value = library.createTensor(memoryInfo, data, dimensions, elementTypeOf(data));
  const tensor: OnnxTensor = {
    data,
    release() {
      if (values.delete(tensor)) library.release("value", value);
    },
  };
  values.set(tensor, value);
  return tensor;
}

function addressesOf(tensors: NamedTensors, values: WeakMap<OnnxTensor, Pointer>): BigUint64Array {
  return BigUint64Array.from(tensors, ([name, tensor]) => lookUp(values, tensor, name));
}

/** C strings of input and output names, made once each and kept as long as the session. */
function createNameTable(): (name: string) => bigint {
  const strings = new Map<string, { bytes: Buffer; address: bigint }>();
  return (name) => {
    let string = strings.get(name);
    if (string === undefined) {
      const bytes = Buffer.from(`${name}\0`, "utf8");
      string = { bytes, address: koffi.address(bytes) };
      strings.set(name, string);
    }
    return string.address;
  };
}

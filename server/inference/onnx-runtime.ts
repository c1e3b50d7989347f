/** Memory of ours that native code reads or writes in place. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

/** A view of such memory as a tensor; it stays valid until its release. */
export interface OnnxTensor {
  readonly data: TensorData;
  release(): void;
}

/** Named tensors of one run. */
export type NamedTensors = ReadonlyMap<string, OnnxTensor>;

/**
 * zero-copy: the C API of onnxruntime through FFI, asynchronous, nothing copied.
 * binding: onnxruntime-node's own API; it blocks its thread and copies each output once more.
 */
export type RuntimeKind = "zero-copy" | "binding";

/** One way to run ONNX graphs. */
export interface OnnxRuntime {
  readonly kind: RuntimeKind;
  /** Loads a graph; one operator may use up to `threads` threads. */
  open(path: string, threads: number): Promise<OnnxSession>;
  /** Wraps memory without copying it, for any session of this runtime. */
  tensor(data: TensorData, shape: readonly number[]): OnnxTensor;
  /** Frees what the runtime holds, after its sessions and tensors; idempotent. */
  release(): void;
}

/** One loaded graph. */
export interface OnnxSession {
  /**
   * Outputs are written into the given tensors' memory; a tensor that is given as input and as
   * output is worked on in place. One run at a time; the tensors have to outlive the promise.
   */
  run(inputs: NamedTensors, outputs: NamedTensors): Promise<void>;
  /** Idempotent. Never during a run. */
  release(): Promise<void>;
}

/** Finds what a runtime made of a tensor; throws when the tensor was released or is another's. */
export function lookUp<Native>(
  made: WeakMap<OnnxTensor, Native>,
  tensor: OnnxTensor,
  name: string,
): Native {
  const native = made.get(tensor);
  if (native === undefined) throw new Error(`The tensor ${name} was released before its run.`);
  return native;
}

/** Memory of ours that native code reads or writes in place. */
export type TensorData = Float32Array | Int32Array | BigInt64Array;

/** A view of such memory as a tensor; it stays valid until its release. */
export interface OnnxTensor {
  readonly data: TensorData;
  readonly released: boolean;
  release(): void;
}

/**
 * zero-copy: the C API of onnxruntime through FFI, nothing copied, weights of several graphs shared.
 * binding: onnxruntime-node's own API; it copies each output once more, and shares nothing.
 */
export type RuntimeKind = "zero-copy" | "binding";

/** One way to run ONNX graphs. */
export interface OnnxRuntime {
  readonly kind: RuntimeKind;
  /** Whether graphs with the same weights hold them in memory once. */
  readonly sharesWeights: boolean;
  /**
   * Loads a graph, on another thread where it can; one operator may use up to `threads` threads. One
   * at a time.
   */
  open(path: string, threads: number): Promise<OnnxSession>;
  /** Wraps memory without copying it, for any session of this runtime. */
  tensor(data: TensorData, shape: readonly number[]): OnnxTensor;
  /** Frees what the runtime holds, after its sessions and tensors; idempotent. */
  release(): void;
}

/** One loaded graph. */
export interface OnnxSession {
  /** Names what will go into the graph and what will be asked of it. */
  prepare(inputs: readonly string[], outputs: readonly string[]): OnnxCall;
  /** Idempotent. Never during a run. */
  release(): Promise<void>;
}

/**
 * A call of a graph, which may be run again and again. All its tensors have to be set before; they
 * stay set until others are, and places count as the names did when it was prepared.
 */
export interface OnnxCall {
  setInput(place: number, tensor: OnnxTensor): void;
  /** The run writes into the tensor's memory; a tensor that is an input too is worked on in place. */
  setOutput(place: number, tensor: OnnxTensor): void;
  /** Rejects when a tensor is missing or was released. One run at a time in each session. */
  run(): Promise<void>;
}

/** Throws when one of the tensors cannot be used any more, or was never set. */
export function refuseReleased(
  tensors: readonly (OnnxTensor | undefined)[],
  names: readonly string[],
): void {
  for (let place = 0; place < names.length; place++) {
    if (tensors[place]?.released === false) continue;
    throw new Error(`The tensor ${names[place]} was released before its run, or never set.`);
  }
}

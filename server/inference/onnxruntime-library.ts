import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";

/** An address in native memory; 0n is null. */
export type Pointer = bigint;

/** The calls of onnxruntime's C API that a session needs; each throws with onnxruntime's message. */
export interface OnnxRuntimeLibrary {
  /** Native code is unloaded when nothing refers to its handle any more. */
  readonly handle: LibraryHandle;
  createEnvironment(): Pointer;
  createMemoryInfo(): Pointer;
  /** Where sessions find weights that another one has laid out for its processor already. */
  createPrepackedWeights(): Pointer;
  /** On another thread. */
  createSession(options: SessionOptions): Promise<Pointer>;
  /** The memory and the shape have to stay as long as the value is used. */
  createTensor(info: Pointer, memory: TensorMemory): Pointer;
  /** Runs on the calling thread. */
  run(session: Pointer, call: RunCall): void;
  release(kind: ReleasableKind, pointer: Pointer): void;
}

export interface SessionOptions {
  environment: Pointer;
  path: string;
  /** That one operator may use. */
  threads: number;
  /** Weights that take the place of the graph's own, by name; they have to outlive the session. */
  initializers: ReadonlyMap<string, Pointer>;
  /** Has to outlive the session. */
  prepackedWeights: Pointer;
}

export interface TensorMemory {
  /** An array's, or native. */
  data: ArrayBufferView | Pointer;
  byteLength: number;
  shape: BigInt64Array;
  /** ONNXTensorElementDataType. */
  elementType: number;
}

/** The four arrays hold addresses, of C strings and of values. */
export interface RunCall {
  inputNames: BigUint64Array;
  inputs: BigUint64Array;
  outputNames: BigUint64Array;
  outputs: BigUint64Array;
}

/** Places of the functions in `struct OrtApi` (onnxruntime_c_api.h); the order never changes. */
const places = {
  getErrorMessage: 2,
  createEnvironment: 3,
  run: 9,
  createSessionOptions: 10,
  disableMemoryPattern: 17,
  setGraphOptimizationLevel: 23,
  setIntraOpThreads: 24,
  createTensor: 49,
  createMemoryInfo: 69,
  addSessionConfigEntry: 130,
  addInitializer: 150,
  createPrepackedWeights: 166,
  createSessionWithPrepackedWeights: 168,
} as const;
const releasePlaces = {
  environment: 92,
  status: 93,
  memoryInfo: 94,
  session: 95,
  value: 96,
  sessionOptions: 100,
  prepackedWeights: 167,
} as const;
type ReleasableKind = keyof typeof releasePlaces;

const apiVersion = 17;
const tableLength = 169;
const warningLogLevel = 2;
const allOptimizations = 99;
/**
 * During one call of `run` its threads stay awake from one turn to the next: to wake one takes about as
 * long as a turn. Between calls, and after 0.05 ms without a turn, they sleep and leave the cores to others.
 */
const threadSettings = {
  "session.intra_op.allow_spinning": "1",
  "session.intra_op.spin_duration_us": "50",
  "session.force_spinning_stop": "1",
} as const;
const arenaAllocator = 1;
const defaultMemory = 0;
/** Bytes; onnxruntime's graph optimizers go deeper than koffi's 128 KiB for calls on other threads. */
const threadStackSize = 8 * 1024 * 1024;

/** Loads the library that onnxruntime-node ships; throws where this platform has none of that kind. */
export function loadOnnxRuntime(): OnnxRuntimeLibrary {
  growThreadStacks();
  const handle = koffi.load(libraryPath());
  const table = readTable(handle);
  const bind = (place: number, result: string, parameters: string[]) =>
    koffi.decode(pointerAt(table, place), koffi.proto(result, parameters)) as NativeFunction;
  const release = Object.fromEntries(
    Object.entries(releasePlaces).map(([kind, place]) => [kind, bind(place, "void", ["void *"])]),
    // The keys are exactly those of the table above.
  ) as Record<ReleasableKind, NativeFunction>;
  const check = createCheck(
    bind(places.getErrorMessage, "const char *", ["void *"]),
    release.status,
  );
  return {
    handle,
    ...bindConstructors(bind, check),
    createSession: bindCreateSession(bind, check, release),
    ...bindRun(bind, check, release),
  };
}

/** Can be changed only before the first library is loaded. */
function growThreadStacks(): void {
  const settings = koffi.config();
  if (settings.async_stack_size === threadStackSize) return;
  koffi.config({ ...settings, async_stack_size: threadStackSize });
}

/** What koffi returns for a native function; numbers, addresses, strings and typed arrays go in. */
interface NativeFunction {
  (...parameters: unknown[]): unknown;
  async(...parametersAndCallback: unknown[]): void;
}
type Bind = (place: number, result: string, parameters: string[]) => NativeFunction;
/** Throws when a returned status is an error, and frees it. */
type Check = (status: unknown) => void;
type Releases = Record<ReleasableKind, NativeFunction>;
const created = "_Out_ void **";

function bindConstructors(bind: Bind, check: Check) {
  const status = "void *";
  const createEnvironment = bind(places.createEnvironment, status, [
    "int",
    "const char *",
    created,
  ]);
  const createMemoryInfo = bind(places.createMemoryInfo, status, ["int", "int", created]);
  const createPrepackedWeights = bind(places.createPrepackedWeights, status, [created]);
  const tensorParameters = ["void *", "void *", "size_t", "void *", "size_t", "int", created];
  const createTensor = bind(places.createTensor, status, tensorParameters);
  const make = (create: (out: unknown[]) => unknown) => takeCreated(check, create);
  return {
    createEnvironment: () => make((out) => createEnvironment(warningLogLevel, "palimpsest", out)),
    createMemoryInfo: () => make((out) => createMemoryInfo(arenaAllocator, defaultMemory, out)),
    createPrepackedWeights: () => make((out) => createPrepackedWeights(out)),
    createTensor: (info: Pointer, { data, byteLength, shape, elementType }: TensorMemory) =>
      make((out) => createTensor(info, data, byteLength, shape, shape.length, elementType, out)),
  };
}

function takeCreated(check: Check, create: (out: unknown[]) => unknown): Pointer {
  const out: unknown[] = [null];
  check(create(out));
  return out[0] as Pointer; // koffi writes the created object's address there
}

function bindCreateSession(bind: Bind, check: Check, release: Releases) {
  const parameters = ["void *", "const char *", "void *", "void *", created];
  const create = bind(places.createSessionWithPrepackedWeights, "void *", parameters);
  const createOptions = bindSessionOptions(bind, check, release);
  return async (options: SessionOptions): Promise<Pointer> => {
    const { environment, path, prepackedWeights } = options;
    const native = createOptions(options);
    try {
      const out: unknown[] = [null];
      check(await onThread(create, environment, path, native, prepackedWeights, out));
      return out[0] as Pointer; // koffi writes the created object's address there
    } finally {
      release.sessionOptions(native);
    }
  };
}

/** Calls it on a thread of koffi's. */
function onThread(native: NativeFunction, ...parameters: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    native.async(...parameters, (error: unknown, result: unknown) => {
      if (error) reject(new Error(`koffi: ${String(error)}`, { cause: error }));
      else resolve(result);
    });
  });
}

function bindSessionOptions(bind: Bind, check: Check, release: Releases) {
  const create = bind(places.createSessionOptions, "void *", [created]);
  const setThreads = bind(places.setIntraOpThreads, "void *", ["void *", "int"]);
  const setLevel = bind(places.setGraphOptimizationLevel, "void *", ["void *", "int"]);
  const disableMemoryPattern = bind(places.disableMemoryPattern, "void *", ["void *"]);
  const threeParameters = ["void *", "const char *", "const char *"];
  const setEntry = bind(places.addSessionConfigEntry, "void *", threeParameters);
  const addInitializer = bind(places.addInitializer, "void *", [
    "void *",
    "const char *",
    "void *",
  ]);
  return ({ threads, initializers }: SessionOptions): Pointer => {
    const options = takeCreated(check, (out) => create(out));
    try {
      check(setThreads(options, threads));
      check(setLevel(options, allOptimizations));
      for (const [key, value] of Object.entries(threadSettings))
        check(setEntry(options, key, value));
      // It would remember every combination of lengths that ever was, for no gain in speed.
      check(disableMemoryPattern(options));
      for (const [name, value] of initializers) check(addInitializer(options, name, value));
      return options;
    } catch (error) {
      release.sessionOptions(options);
      throw error;
    }
  };
}

function bindRun(bind: Bind, check: Check, release: Releases) {
  const pointers = ["void *", "void *", "void *", "void *"];
  const run = bind(places.run, "void *", [...pointers, "size_t", "void *", "size_t", "void *"]);
  return {
    /** The caller keeps everything in `call` and behind it referenced. */
    run(session: Pointer, { inputNames, inputs, outputNames, outputs }: RunCall): void {
      const given = [inputNames, inputs, inputs.length] as const;
      const wanted = [outputNames, outputs.length, outputs] as const;
      check(run(session, null, ...given, ...wanted));
    },
    release: (kind: ReleasableKind, pointer: Pointer) => void release[kind](pointer),
  };
}

function createCheck(getErrorMessage: NativeFunction, releaseStatus: NativeFunction): Check {
  return (status) => {
    if (status === null || status === 0n) return;
    const message = String(getErrorMessage(status));
    releaseStatus(status);
    throw new Error(`onnxruntime: ${message}`);
  };
}

function readTable(handle: LibraryHandle): BigUint64Array {
  const base = handle.func("OrtGetApiBase", "void *", [])();
  const [getApi] = koffi.decode(base, koffi.array("void *", 1)) as Pointer[];
  const api = koffi.call(getApi, koffi.proto("void *", ["uint32_t"]), apiVersion);
  return BigUint64Array.from(koffi.decode(api, koffi.array("void *", tableLength)) as Pointer[]);
}

function pointerAt(table: BigUint64Array, place: number): Pointer {
  const pointer = table[place];
  if (!pointer) throw new Error(`onnxruntime's C API has no function at place ${place}.`);
  return pointer;
}

function libraryPath(): string {
  const names: Partial<Record<NodeJS.Platform, string>> = {
    linux: "libonnxruntime.so.1",
    darwin: "libonnxruntime.1.dylib",
  };
  const name = names[process.platform];
  if (name === undefined) throw new Error(`no zero-copy session on ${process.platform}`);
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch, name);
}

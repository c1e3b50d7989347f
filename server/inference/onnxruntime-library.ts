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
  createSession(environment: Pointer, path: string, threads: number): Pointer;
  /** `shape` and `data` have to stay referenced as long as the value is used. */
  createTensor(info: Pointer, data: ArrayBufferView, shape: BigInt64Array, type: number): Pointer;
  /** Runs on another thread. The four arrays hold addresses, of C strings and of values. */
  run(session: Pointer, call: RunCall): void;
  release(kind: ReleasableKind, pointer: Pointer): void;
}

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
  createSession: 7,
  run: 9,
  createSessionOptions: 10,
  setGraphOptimizationLevel: 23,
  setIntraOpThreads: 24,
  createTensor: 49,
  createMemoryInfo: 69,
  addSessionConfigEntry: 130,
} as const;
const releasePlaces = {
  environment: 92,
  status: 93,
  memoryInfo: 94,
  session: 95,
  value: 96,
  sessionOptions: 100,
} as const;
type ReleasableKind = keyof typeof releasePlaces;

const apiVersion = 17;
const tableLength = 131;
const warningLogLevel = 2;
const allOptimizations = 99;
const arenaAllocator = 1;
const defaultMemory = 0;

/** Loads the library that onnxruntime-node ships; throws where this platform has none of that kind. */
export function loadOnnxRuntime(): OnnxRuntimeLibrary {
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
  return { handle, ...bindConstructors(bind, check, release), ...bindRun(bind, check, release) };
}

/** What koffi returns for a native function; numbers, addresses, strings and typed arrays go in. */
type NativeFunction = (...parameters: unknown[]) => unknown;
type Bind = (place: number, result: string, parameters: string[]) => NativeFunction;
/** Throws when a returned status is an error, and frees it. */
type Check = (status: unknown) => void;
type Releases = Record<ReleasableKind, NativeFunction>;

function bindConstructors(bind: Bind, check: Check, release: Releases) {
  const status = "void *";
  const created = "_Out_ void **";
  const createEnvironment = bind(places.createEnvironment, status, [
    "int",
    "const char *",
    created,
  ]);
  const createMemoryInfo = bind(places.createMemoryInfo, status, ["int", "int", created]);
  const createSession = bind(places.createSession, status, [
    "void *",
    "const char *",
    "void *",
    created,
  ]);
  const tensorParameters = ["void *", "void *", "size_t", "void *", "size_t", "int", created];
  const createTensor = bind(places.createTensor, status, tensorParameters);
  const createOptions = bindSessionOptions(bind, check);
  const make = (create: (out: unknown[]) => unknown): Pointer => {
    const out: unknown[] = [null];
    check(create(out));
    return out[0] as Pointer; // koffi writes the created object's address there
  };
  return {
    createEnvironment: () => make((out) => createEnvironment(warningLogLevel, "palimpsest", out)),
    createMemoryInfo: () => make((out) => createMemoryInfo(arenaAllocator, defaultMemory, out)),
    createSession(environment: Pointer, path: string, threads: number) {
      const options = createOptions(threads);
      try {
        return make((out) => createSession(environment, path, options, out));
      } finally {
        release.sessionOptions(options);
      }
    },
    createTensor: (info: Pointer, data: ArrayBufferView, shape: BigInt64Array, type: number) =>
      make((out) => createTensor(info, data, data.byteLength, shape, shape.length, type, out)),
  };
}

function bindSessionOptions(bind: Bind, check: Check): (threads: number) => Pointer {
  const create = bind(places.createSessionOptions, "void *", ["_Out_ void **"]);
  const setThreads = bind(places.setIntraOpThreads, "void *", ["void *", "int"]);
  const setLevel = bind(places.setGraphOptimizationLevel, "void *", ["void *", "int"]);
  const setEntryParameters = ["void *", "const char *", "const char *"];
  const setEntry = bind(places.addSessionConfigEntry, "void *", setEntryParameters);
  return (threads) => {
    const out: unknown[] = [null];
    check(create(out));
    const options = out[0] as Pointer; // koffi writes the created object's address there
    check(setThreads(options, threads));
    check(setLevel(options, allOptimizations));
    check(setEntry(options, "session.intra_op.allow_spinning", "0"));
    return options;
  };
}

function bindRun(bind: Bind, check: Check, release: Releases) {
  const pointers = ["void *", "void *", "void *", "void *"];
  const run = bind(places.run, "void *", [...pointers, "size_t", "void *", "size_t", "void *"]);
  return {
    /** On the calling thread; the caller keeps everything in `call` and behind it referenced. */
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

import { closeSync, fstatSync, openSync } from "node:fs";
import koffi from "koffi";

/** A file's bytes as native memory, for reading. */
export interface MappedFile {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  /** Gives back the memory of what was read; reading it again fetches it from the file again. */
  forget(): void;
  /** Idempotent; nobody may read afterwards. */
  release(): void;
}

/** Values of <sys/mman.h>, the same on Linux and macOS. */
const readable = 1;
const shared = 1;
const notNeeded = 4;
const failed = 0xffff_ffff_ffff_ffffn;

/**
 * Maps a file into memory: its bytes are read when they are first used, other processes that map it
 * use the same memory, and the system may take back what it needs. Throws when it cannot.
 */
export function mapFile(path: string): MappedFile {
  const system = bindSystemCalls();
  const file = openSync(path, "r");
  try {
    const length = fstatSync(file).size;
    const address = system.map(null, length, readable, shared, file, 0);
    if (BigInt.asUintN(64, address) === failed) throw new Error(`cannot map ${path} into memory`);
    let released = false;
    return {
      address,
      length,
      forget: () => void (released || system.advise(address, length, notNeeded)),
      release() {
        if (released) return;
        released = true;
        system.unmap(address, length);
      },
    };
  } finally {
    closeSync(file);
  }
}

interface SystemCalls {
  map(...parameters: [null, number, number, number, number, number]): bigint;
  unmap(address: bigint, length: number): number;
  advise(address: bigint, length: number, advice: number): number;
}

function bindSystemCalls(): SystemCalls {
  const library = koffi.load(process.platform === "darwin" ? "libSystem.dylib" : "libc.so.6");
  const parameters = ["void *", "size_t", "int", "int", "int", "int64_t"];
  return {
    map: library.func("mmap", "void *", parameters),
    unmap: library.func("munmap", "int", ["void *", "size_t"]),
    advise: library.func("madvise", "int", ["void *", "size_t", "int"]),
  };
}

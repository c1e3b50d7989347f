import { readFileSync } from "node:fs";
import koffi from "koffi";

/** PR_SET_THP_DISABLE of <sys/prctl.h>. */
const disableLargePages = 41;
/** MADV_COLLAPSE of <linux/mman.h>. */
const collapse = 25;
/** Bytes. */
const largePage = 2n * 1024n * 1024n;

/** Memory of this process, from an address to the one behind it. */
interface Stretch {
  from: bigint;
  to: bigint;
}

/**
 * Does what takes memory that will be read over and over, then moves that memory to pages of two
 * megabytes: for each token all weights are read, of GPT-2 small thirty thousand small pages or more,
 * and the processor looks up where each lies. Nothing else may take much memory meanwhile, for that
 * would be moved too. Where the system has no such pages or none to spare, memory stays as it is.
 */
export async function layOutInLargePages<Result>(take: () => Promise<Result>): Promise<Result> {
  const system = bindSystemCalls();
  if (system === undefined) return take();
  const before = ownMemory();
  const result = await take();
  system.allowLargePages(true);
  for (const stretch of subtract(ownMemory(), before)) {
    if (stretch.to - stretch.from >= largePage) await system.collapse(stretch);
  }
  system.allowLargePages(false);
  return result;
}

/**
 * Has the system give memory in small pages, where it would give two megabytes for the first byte
 * that is written: keys and values have room for more than they use.
 */
export function takeMemoryBySmallPages(): void {
  bindSystemCalls()?.allowLargePages(false);
}

interface SystemCalls {
  allowLargePages(allowed: boolean): void;
  /** On another thread, since all of it is copied; says nothing of whether it could be. */
  collapse(stretch: Stretch): Promise<void>;
}

/** None where the system is another, or its C library: most do nothing of this unasked. */
function bindSystemCalls(): SystemCalls | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const library = koffi.load("libc.so.6");
    const rest = ["unsigned long", "unsigned long", "unsigned long", "unsigned long"];
    const control = library.func("prctl", "int", ["int", ...rest]);
    const advise = library.func("madvise", "int", ["uint64_t", "size_t", "int"]);
    return {
      allowLargePages: (allowed) => void control(disableLargePages, allowed ? 0 : 1, 0, 0, 0),
      collapse: ({ from, to }) =>
        new Promise((resolve) => advise.async(from, to - from, collapse, () => resolve())),
    };
  } catch {
    return undefined;
  }
}

/** The process's writable memory that no file backs, in order. */
function ownMemory(): Stretch[] {
  const stretches = readFileSync("/proc/self/maps", "utf8").matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$/gm,
  );
  return Array.from(stretches, ([, from, to]) => ({
    from: BigInt(`0x${from}`),
    to: BigInt(`0x${to}`),
  }));
}

/** What of `all` is not in `known`; each list is in order, and nothing in it overlaps. */
function subtract(all: readonly Stretch[], known: readonly Stretch[]): Stretch[] {
  return all.flatMap(({ from, to }) => {
    const rest: Stretch[] = [];
    let start = from;
    for (const other of known) {
      if (other.to <= start || other.from >= to) continue;
      rest.push({ from: start, to: other.from });
      start = other.to;
    }
    return [...rest, { from: start, to }];
  });
}

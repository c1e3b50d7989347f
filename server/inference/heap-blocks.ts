import koffi from "koffi";

/** M_MMAP_THRESHOLD of <malloc.h>. */
const blockSizeOption = -3;
/** Bytes; weights laid out anew are larger, what a run needs for a moment is smaller. */
const ownBlockFrom = 1024 * 1024;

/**
 * Lets large pieces of native memory go back to the system when they are freed. By itself glibc
 * keeps ever larger ones in its heap, where what stays between them holds all of them: a hundred
 * megabytes after loading a model's graphs. Elsewhere it does nothing.
 */
export function giveLargeBlocksBack(): void {
  if (process.platform !== "linux") return;
  try {
    koffi.load("libc.so.6").func("mallopt", "int", ["int", "int"])(blockSizeOption, ownBlockFrom);
  } catch {
    // Another C library than glibc, which has no such habit.
  }
}

import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What processes that compute may know of this one's environment; the rest may be secrets. */
const told = new Set(
  [
    ["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "WINDIR", "COMSPEC"],
    ["TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE", "TZ"],
    // Not all of NODE_*: package managers keep a token in NODE_AUTH_TOKEN.
    ["NODE_ENV", "NODE_OPTIONS", "NODE_PATH", "NODE_V8_COVERAGE", "NODE_COMPILE_CACHE"],
    ["UV_THREADPOOL_SIZE"],
    // How native libraries are found and take memory.
    ["LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "GLIBC_TUNABLES"],
    ["TSX_TSCONFIG_PATH", "TSX_DISABLE_CACHE", "ESBUILD_BINARY_PATH"],
  ].flat(),
);
/** The language's parts, and what tunes the C library's memory or one that is put in its place. */
const toldBeginnings = ["LC_", "MALLOC_"];

/**
 * Starts a script of ours as a process that computes: with one argument, a line for messages, and none
 * of the server's settings, secrets among them.
 */
export function startChild(script: URL, argument: string, options: ForkOptions): ChildProcess {
  return fork(fileURLToPath(script), [argument], {
    ...options,
    execArgv: [],
    env: childEnvironment(),
  });
}

/** What of the environment a process may know that this one starts. */
export function childEnvironment(): NodeJS.ProcessEnv {
  // Windows writes names as it likes.
  const isTold = (name: string) =>
    told.has(name.toUpperCase()) || toldBeginnings.some((beginning) => name.startsWith(beginning));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isTold(name)));
}

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";

const againAfterMs = 100;

/**
 * Does the task while no other process does one under the same lock file; waits for as long as its
 * holder lives, after calling `onWait` once. What a dead process left is taken over.
 */
export function withLock(path, task, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  const own = JSON.stringify({ pid: process.pid, host: hostname(), since: startOf(process.pid) });
  let waited = false;
  while (!create(path, own)) {
    const found = read(path);
    if (found === undefined || removeDead(path, found)) continue;
    if (!waited) onWait();
    waited = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againAfterMs);
  }
  // An exit inside the task, by process.exit or a signal that ends the process, leaves the file to
  // whoever comes next.
  try {
    return task();
  } finally {
    if (read(path) === own) rmSync(path, { force: true });
  }
}

/** The file is there with its text or not at all: it is linked, and a link never replaces one. */
function create(path, text) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text);
  try {
    return isNew(() => linkSync(draft, path));
  } catch {
    // A file system without links: here the text comes a moment after the file.
    return isNew(() => writeFileSync(path, text, { flag: "wx" }));
  } finally {
    rmSync(draft, { force: true });
  }
}

function isNew(make) {
  try {
    make();
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** True where the holder was dead and the file is gone. */
function removeDead(path, text) {
  if (isAlive(text)) return false;
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
  } catch {
    return true; // another was faster
  }
  // In between somebody may have taken the lock: then it is theirs, and goes back.
  if (read(aside) !== text) isNew(() => linkSync(aside, path));
  rmSync(aside, { force: true });
  return true;
}

/** One that cannot be read was not written by us, and a process elsewhere cannot be asked. */
function isAlive(text) {
  let holder;
  try {
    holder = JSON.parse(text);
  } catch {
    return false;
  }
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  return holder.since === startOf(holder.pid);
}

/** When a process started, as Linux counts: tells it from a later one with its id. Else null. */
function startOf(pid) {
  const stat = read(`/proc/${pid}/stat`);
  // The name in brackets may hold anything; what follows it is fixed.
  return stat === undefined ? null : stat.slice(stat.lastIndexOf(")")).split(" ")[20];
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

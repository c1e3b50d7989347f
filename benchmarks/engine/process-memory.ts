import { execFileSync } from "node:child_process";

/** Megabytes of memory that a process and all that it started hold now (their resident sets). */
export function memoryOfTree(root: number): number {
  const listing = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" });
  const processes = listing
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0, kilobytes = 0]) => ({ pid, parent, kilobytes }));
  const tree = new Set([root]);
  // Ids run on, but a child may have a smaller one than its parent: look until nothing is added.
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const { pid, parent } of processes) if (tree.has(parent)) tree.add(pid);
  }
  const own = processes.filter(({ pid }) => tree.has(pid));
  return own.reduce((sum, { kilobytes }) => sum + kilobytes, 0) / 1024;
}

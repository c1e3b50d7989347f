import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./install.mjs";

const bin = (path) => [process.execPath, join(root, "node_modules", path)];

/** The static checks, each a command of its own; `check` and `test` both run them. */
export const staticSteps = [
  { name: "format", command: [...bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"] },
  { name: "lint", command: [...bin("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings"] },
  { name: "types", command: [...bin("typescript/bin/tsc"), "-b"] },
  { name: "unused", command: [...bin("knip/bin/knip.js")] },
];

/** Runs one command in the root and says how it went and how long it took; true when it passed. */
export function runStep({ name, command, env }) {
  const started = Date.now();
  const result = spawnSync(command[0], command.slice(1), {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const passed = result.status === 0;
  console.log(`${passed ? "✓" : "✗"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return passed;
}

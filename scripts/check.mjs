import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { runStep, staticSteps } from "./steps.mjs";

// `npm run check`: format, lint, types, unused code. `npm run check -- --fix` formats first.
ensureInstalled();
if (process.argv.includes("--fix"))
  spawnSync(
    process.execPath,
    [join(root, "node_modules/@biomejs/biome/bin/biome"), "check", "--write"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
const failed = staticSteps.filter((step) => !runStep(step));
process.exitCode = failed.length === 0 ? 0 : 1;

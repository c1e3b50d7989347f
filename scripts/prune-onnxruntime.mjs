import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { root } from "./install.mjs";

// `node scripts/prune-onnxruntime.mjs [FOLDER]`: of the binaries that onnxruntime-node brings for
// every system, keeps those of this one. FOLDER is what holds node_modules, by default this
// checkout. Nothing is removed where what would be left does not load.
const folder = resolve(process.argv[2] ?? root);
const bin = join(folder, "node_modules", "onnxruntime-node", "bin");

/** Libraries for graphics cards that an install step may have fetched; the engine computes without. */
const forGraphicsCards = /^(lib)?onnxruntime_providers_(cuda|tensorrt|rocm|migraphx)/;

const foldersIn = (path) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name));

function sizeOf(path) {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** What this system does not load: the folders of others, and what needs a graphics card. */
function superfluous() {
  return foldersIn(bin).flatMap((version) =>
    foldersIn(version).flatMap((platform) => {
      if (platform !== join(version, process.platform)) return [platform];
      return foldersIn(platform).flatMap((processor) => {
        if (processor !== join(platform, process.arch)) return [processor];
        return readdirSync(processor)
          .filter((name) => forGraphicsCards.test(name))
          .map((name) => join(processor, name));
      });
    }),
  );
}

/** Whether the binding for this system and the library behind it can be loaded. */
function loads() {
  const program = 'require("onnxruntime-node")';
  return spawnSync(process.execPath, ["--eval", program], { cwd: folder }).status === 0;
}

function prune() {
  if (!existsSync(bin)) return `onnxruntime-node is not installed in ${folder}; nothing to prune.`;
  if (!loads()) return "onnxruntime-node does not load on this system; nothing was removed.";
  const before = sizeOf(bin);
  for (const path of superfluous()) rmSync(path, { recursive: true, force: true });
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  return `onnxruntime-node's binaries: ${megabytes(before)} before, ${megabytes(sizeOf(bin))} now.`;
}

console.log(prune());

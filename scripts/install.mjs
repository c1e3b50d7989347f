import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

/** The root of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const installLock = join(root, ".cache", "install.lock");

const oldestNode = [20, 19];

/** Exits with a plain sentence where Node is too old to run anything here. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  console.error(
    `Palimpsest needs Node ${oldestNode.join(".")} or later; this is ${process.versions.node}.`,
  );
  process.exit(1);
}

/**
 * Installs the dependencies when they are missing or the lockfile has changed since the last time;
 * otherwise returns at once. Uses nothing but Node itself, so it can be the first thing to run. Of
 * several that start at once, one installs and the others wait for it.
 */
export function ensureInstalled() {
  requireNode();
  const lockfile = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lockfile).digest("hex");
  const stamp = join(root, "node_modules", ".palimpsest-lock");
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isInstalled()) return;
  withLock(
    installLock,
    () => {
      if (isInstalled()) return;
      install();
      writeFileSync(stamp, wanted);
    },
    () => console.log(`Another process is installing; waiting for it (${installLock}) …`),
  );
}

function install() {
  console.log("Installing dependencies …");
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
    // NODE_ENV=production would leave out what builds the client. The CPU build of onnxruntime
    // lies in its package; without this its install step downloads CUDA libraries on Linux.
    env: { ...process.env, NODE_ENV: "development", ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (result.status !== 0) {
    console.error("The dependencies could not be installed; see the lines above.");
    process.exit(1);
  }
}

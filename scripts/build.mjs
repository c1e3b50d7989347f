import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { withLock } from "./lock.mjs";

const inputs = ["client", "shared", "vite.config.ts", "package-lock.json"];
const output = join(root, "dist", "client");
const stamp = join(root, "dist", "client.inputs");

function* files(path) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return;
  let entries;
  try {
    entries = readdirSync(absolute, { withFileTypes: true });
  } catch {
    yield path; // not a folder
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1)))
    yield* files(join(path, entry.name));
}

function hashInputs() {
  const hash = createHash("sha256");
  for (const input of inputs)
    for (const file of files(input))
      hash
        .update(file)
        .update("\0")
        .update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** Builds the client into dist/client unless its inputs are those of the last build. */
export function ensureBuilt() {
  const wanted = hashInputs();
  const isBuilt = () =>
    existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isBuilt()) return;
  withLock(join(root, ".cache", "build.lock"), () => {
    if (isBuilt()) return;
    build();
    mkdirSync(join(root, "dist"), { recursive: true });
    writeFileSync(stamp, wanted);
  });
}

function build() {
  console.log("Building the client …");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const result = spawnSync(process.execPath, [vite, "build", "--logLevel", "warn"], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (result.status !== 0) {
    console.error("The client could not be built; see the lines above.");
    process.exit(1);
  }
}

if (process.argv[1]?.endsWith("build.mjs")) {
  ensureInstalled();
  ensureBuilt();
}

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { withLock } from "./lock.mjs";

const client = {
  inputs: ["client", "shared", "vite.config.ts", "package-lock.json"],
  output: join(root, "dist", "client"),
  make: buildClient,
};
const server = {
  inputs: ["server", "shared", "migrations", "scripts/compile-server.ts", "package-lock.json"],
  output: join(root, "dist", "server"),
  // What is read beside a module is read from where the source lies.
  place: root,
  make: compileServer,
};

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

function hashInputs(inputs, place = "") {
  const hash = createHash("sha256").update(place);
  for (const input of inputs)
    for (const file of files(input)) {
      if (file.includes(".test.")) continue;
      hash
        .update(file)
        .update("\0")
        .update(readFileSync(join(root, file)));
    }
  return hash.digest("hex");
}

/** Makes what lies in dist anew unless its inputs are those of the last time. */
function ensure({ inputs, output, place, make }) {
  const wanted = hashInputs(inputs, place);
  const stamp = `${output}.inputs`;
  const isMade = () =>
    existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isMade()) return;
  withLock(join(root, ".cache", "build.lock"), () => {
    if (isMade()) return;
    // What is broken off now is not taken for what was made before.
    rmSync(stamp, { force: true });
    make();
    mkdirSync(join(root, "dist"), { recursive: true });
    writeFileSync(stamp, wanted);
  });
}

/** Builds the client into dist/client unless its inputs are those of the last build. */
export function ensureBuilt() {
  ensure(client);
}

/** Compiles the server into dist/server unless its source is that of the last time. */
export function ensureCompiled() {
  ensure(server);
}

function buildClient() {
  console.log("Building the client …");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  run([vite, "build", "--logLevel", "warn"], "The client could not be built; see the lines above.");
}

function compileServer() {
  console.log("Compiling the server …");
  const script = join(root, "scripts", "compile-server.ts");
  run(["--import", "tsx", script], "The server could not be compiled; see the lines above.");
}

function run(command, failure) {
  const result = spawnSync(process.execPath, command, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (result.status !== 0) {
    console.error(failure);
    process.exit(1);
  }
}

if (process.argv[1]?.endsWith("build.mjs")) {
  ensureInstalled();
  ensureBuilt();
}

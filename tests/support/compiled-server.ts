import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "vite";
import {
  compileServer,
  isServerEntry,
  type ServerEntry,
  serverInputs,
} from "../../scripts/compile-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "palimpsest");

/**
 * The server's own source in a few files of JavaScript, for the tests that start many processes.
 * Made once for each state of the source.
 */
export async function compiledServer(entry: ServerEntry): Promise<string> {
  const folder = join(cache, `server-${fingerprint()}`);
  if (!existsSync(folder)) await compile(folder);
  return join(folder, `${entry}.mjs`);
}

/**
 * Lets tests that run the server's modules from source start its engines' processes compiled: each
 * takes a second less of a core, and there are hundreds.
 */
export function compiledProcesses(): Plugin {
  // Of the modules that start one the first that is read has it compiled.
  let last = Promise.resolve("");
  return {
    name: "compiled-processes",
    enforce: "pre",
    async transform(code, id) {
      if (!id.startsWith(join(root, "server/"))) return undefined;
      const [place, name] = /"\.\/([\w-]+)\.mjs", import\.meta\.url/.exec(code) ?? [];
      if (place === undefined || name === undefined || !isServerEntry(name)) return undefined;
      last = last.catch(() => "").then(() => compiledServer(name));
      const compiled = pathToFileURL(await last).href;
      return { code: code.replace(place, JSON.stringify(compiled)), map: null };
    },
  };
}

async function compile(folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, "unfinished-"));
  await compileServer(unfinished);
  // Another test file may have been faster: its folder is as good.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  await removeOld();
}

/** Each state that is tested leaves megabytes, one that was broken off too; nobody runs another day's. */
async function removeOld(): Promise<void> {
  for (const name of readdirSync(cache).filter((entry) => /^(server|unfinished)-/.test(entry))) {
    const folder = join(cache, name);
    // Another run may be tidying up, too.
    const madeAt = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    const isOld = Date.now() - madeAt > 24 * 60 * 60 * 1000;
    if (isOld) await rm(folder, { recursive: true, force: true });
  }
}

function fingerprint(): string {
  const hash = createHash("sha256");
  for (const input of serverInputs)
    for (const entry of readdirSync(join(root, input), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || entry.name.includes(".test.")) continue;
      const path = join(entry.parentPath, entry.name);
      hash.update(path).update("\0").update(readFileSync(path));
    }
  for (const file of ["package-lock.json", "scripts/compile-server.ts"])
    hash.update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 16);
}

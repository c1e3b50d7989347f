import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "palimpsest");
const inputs = ["server", "shared", "migrations"];

/** What a process of the server's begins with; each lies in the folder under its name, as `.mjs`. */
const entries = {
  main: "server/main.ts",
  cli: "server/cli/main.ts",
  worker: "server/inference/worker.ts",
  "import-worker": "server/model-library/import-worker.ts",
  "measure-worker": "server/model-library/measure-worker.ts",
} as const;

type Entry = keyof typeof entries;

/**
 * The server's own source in a few files of JavaScript, for the tests that start many processes:
 * transpiling and finding its 900 modules is most of what such a start takes. Made once for each
 * state of the source; everything that is read beside a module is read from where the source lies.
 */
export async function compiledServer(entry: Entry): Promise<string> {
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
      if (place === undefined || name === undefined || !isEntry(name)) return undefined;
      last = last.catch(() => "").then(() => compiledServer(name));
      const compiled = pathToFileURL(await last).href;
      return { code: code.replace(place, JSON.stringify(compiled)), map: null };
    },
  };
}

function isEntry(name: string): name is Entry {
  return name in entries;
}

async function compile(folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, "unfinished-"));
  const { build } = await import("vite");
  await build({
    configFile: false,
    root,
    logLevel: "error",
    plugins: [{ name: "source-places", enforce: "pre", transform: keepPlaces }],
    ssr: { noExternal: true, external: bound },
    build: {
      ssr: true,
      outDir: unfinished,
      emptyOutDir: true,
      copyPublicDir: false,
      minify: false,
      target: "node20",
      rolldownOptions: {
        input: { ...entries },
        output: { entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
      },
    },
  });
  // Another test file may have been faster: its folder is as good.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  await removeOld();
}

/** Each state of the source that is tested leaves megabytes; nobody runs those of another day. */
async function removeOld(): Promise<void> {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith("server-"))) {
    const folder = join(cache, name);
    const isOld = Date.now() - statSync(folder).mtimeMs > 24 * 60 * 60 * 1000;
    if (isOld) await rm(folder, { recursive: true, force: true });
  }
}

/** What finds binaries and the like beside itself, or must stay CommonJS. */
const bound = ["@electric-sql/pglite", "@node-rs/argon2", "onnxruntime-node", "koffi"];

/** Modules know their place: it stays the source's, but for the processes that are compiled too. */
function keepPlaces(code: string, id: string): string | undefined {
  if (!inputs.some((folder) => id.startsWith(join(root, folder)))) return undefined;
  return code
    .replaceAll(/"\.\/([\w-]+)\.mjs", import\.meta\.url/g, (whole, name: string) =>
      isEntry(name) ? `"./${name}.mjs", import.meta["url"]` : whole,
    )
    .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
    .replaceAll("import.meta.dirname", JSON.stringify(dirname(id)));
}

function fingerprint(): string {
  const hash = createHash("sha256");
  for (const input of inputs)
    for (const entry of readdirSync(join(root, input), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || entry.name.includes(".test.")) continue;
      const path = join(entry.parentPath, entry.name);
      hash.update(path).update("\0").update(readFileSync(path));
    }
  hash.update(readFileSync(join(root, "package-lock.json")));
  return hash.digest("hex").slice(0, 16);
}

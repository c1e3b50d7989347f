import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The folders of the source. */
export const serverInputs = ["server", "shared", "migrations"] as const;

/** What a process of the server's begins with; each lies in the folder under its name, as `.mjs`. */
const entries = {
  main: "server/main.ts",
  cli: "server/cli/main.ts",
  worker: "server/inference/worker.ts",
  "import-worker": "server/model-library/import-worker.ts",
  "measure-worker": "server/model-library/measure-worker.ts",
} as const;

/** The name of a compiled process. */
export type ServerEntry = keyof typeof entries;

/** Whether a process of this name is compiled. */
export function isServerEntry(name: string): name is ServerEntry {
  return name in entries;
}

/**
 * Writes the server's source as a few files of JavaScript into `folder`: transpiling and finding its
 * 900 modules is most of what a start takes. Everything that is read beside a module is read from
 * where the source lies.
 */
export async function compileServer(folder: string): Promise<void> {
  await build({
    configFile: false,
    root,
    logLevel: "error",
    plugins: [{ name: "source-places", enforce: "pre", transform: keepPlaces }],
    ssr: { noExternal: true, external: bound },
    build: {
      ssr: true,
      outDir: folder,
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
}

/** What finds binaries and the like beside itself, or must stay CommonJS. */
const bound = ["@electric-sql/pglite", "@node-rs/argon2", "onnxruntime-node", "koffi"];

/** Modules know their place: it stays the source's, but for the processes that are compiled too. */
function keepPlaces(code: string, id: string): string | undefined {
  if (!serverInputs.some((folder) => id.startsWith(join(root, folder)))) return undefined;
  return code
    .replaceAll(/"\.\/([\w-]+)\.mjs", import\.meta\.url/g, (whole, name: string) =>
      isServerEntry(name) ? `"./${name}.mjs", import.meta["url"]` : whole,
    )
    .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
    .replaceAll("import.meta.dirname", JSON.stringify(dirname(id)));
}

// `npm start` has it done in a process of its own, which gives the memory back.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await compileServer(join(root, "dist", "server"));
}

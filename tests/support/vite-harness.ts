import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { build, preview } from "vite";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A test page built from source. */
export interface ViteHarness {
  url: string;
  close: () => Promise<void>;
}

/**
 * Builds the page in `folder` (from the repository's root) once and serves it on a free port: as one
 * script it opens in a moment, for every test anew. React stays in its development mode, with checks.
 */
export async function startViteHarness(folder: string): Promise<ViteHarness> {
  const outDir = await mkdtemp(join(tmpdir(), "palimpsest-harness-"));
  const common = { configFile: false, root: join(repository, folder), logLevel: "error" } as const;
  await build({
    ...common,
    mode: "development",
    define: { "process.env.NODE_ENV": JSON.stringify("development") },
    plugins: [react()],
    build: { outDir, emptyOutDir: true, minify: false, modulePreload: { polyfill: false } },
  });
  const server = await preview({
    ...common,
    build: { outDir },
    preview: { host: "127.0.0.1", port: 0 },
  });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error("Vite listens nowhere");
  return {
    url,
    async close() {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

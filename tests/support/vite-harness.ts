import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { createServer } from "vite";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A test page served from source. */
export interface ViteHarness {
  url: string;
  close: () => Promise<void>;
}

/** Serves the page in `folder` (from the repository's root) on a free port. */
export async function startViteHarness(folder: string): Promise<ViteHarness> {
  const server = await createServer({
    configFile: false,
    root: `${repository}${folder}`,
    cacheDir: `${repository}node_modules/.vite-harness`,
    plugins: [react()],
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null, fs: { allow: [repository] } },
  });
  await server.listen();
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error("Vite listens nowhere");
  return { url, close: () => server.close() };
}

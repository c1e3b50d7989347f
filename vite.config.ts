import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = `http://127.0.0.1:${process.env.PORT ?? 3000}`;

/** Builds `client/` into `dist/client`; while developing, everything live is proxied to the server. */
export default defineConfig({
  root: "client",
  plugins: [react()],
  build: {
    outDir: "../dist/client",
    emptyOutDir: true,
    // The Content-Security-Policy lets nothing inline run, and fonts as data URLs would not load.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What changes rarely keeps its address, and its place in the browser's cache, over our releases.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules\/(react|react-dom|react-router|scheduler)\// },
            { name: "editor", test: /node_modules\/(@tiptap|prosemirror-[a-z]+)\// },
            // With what it is told before the first schema: whatever imports zod comes after that.
            { name: "zod", test: /node_modules\/zod\/|client\/without-eval\.ts/ },
            { name: "shared-text", test: /node_modules\/(yjs|y-[a-z]+|lib0)\// },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      "/api": server,
      "/socket.io": { target: server, ws: true },
      "/sync": { target: server, ws: true },
    },
  },
});

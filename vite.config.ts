import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:3000";

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
  },
  server: {
    proxy: {
      "/api": server,
      "/socket.io": { target: server, ws: true },
      "/sync": { target: server, ws: true },
    },
  },
});

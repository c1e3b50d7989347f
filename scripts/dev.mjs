import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

// `npm run dev`: the server restarts and the page reloads as files change. Open the address that
// Vite prints; it passes /api, /sync and /socket.io on to the server.
ensureInstalled();
const port = Number(process.env.PORT ?? 3000);
const vitePort = Number(process.env.VITE_PORT ?? 5173);
const bin = (name) => join(root, "node_modules", name);
const children = [
  spawn(
    process.execPath,
    [bin("tsx/dist/cli.mjs"), "watch", "--clear-screen=false", "server/main.ts"],
    {
      cwd: root,
      // Ctrl-C goes to a terminal's whole process group; from a group of its own the server gets
      // one signal, ours, and closes in order: a second one would make tsx kill it.
      detached: true,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        PORT: String(port),
        PUBLIC_ORIGIN:
          process.env.PUBLIC_ORIGIN ??
          [vitePort, port]
            .flatMap((p) => [`http://127.0.0.1:${p}`, `http://localhost:${p}`])
            .join(","),
      },
    },
  ),
  spawn(process.execPath, [bin("vite/bin/vite.js"), "--port", String(vitePort), "--strictPort"], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PORT: String(port) },
  }),
];
let stopping = false;
const stop = () => {
  if (stopping) return;
  stopping = true;
  for (const child of children) child.kill("SIGTERM");
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
for (const child of children)
  child.on("exit", (code) => {
    // One that ends unasked takes the other along; whoever was asked has not failed.
    if (!stopping) process.exitCode = code ?? 1;
    stop();
  });

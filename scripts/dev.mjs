import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

// `npm run dev`: the server restarts and the page reloads as files change. Open the address that
// Vite prints; it passes /api, /sync and /socket.io on to the server.
ensureInstalled();
const port = Number(process.env.PORT ?? 3000);
const vitePort = 5173;
const bin = (name) => join(root, "node_modules", name);
const children = [
  spawn(
    process.execPath,
    [bin("tsx/dist/cli.mjs"), "watch", "--clear-screen=false", "server/main.ts"],
    {
      cwd: root,
      stdio: "inherit",
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
const stop = () => {
  for (const child of children) child.kill("SIGTERM");
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
for (const child of children)
  child.on("exit", (code) => {
    process.exitCode ||= code ?? 0;
    stop();
  });

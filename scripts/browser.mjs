import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

const usual = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const installed = () =>
  [process.env.CHROMIUM_PATH, ...usual].find((path) => path && existsSync(path));

async function playwrightsOwn() {
  const { chromium } = await import("@playwright/test");
  const path = chromium.executablePath();
  return path && existsSync(path) ? path : undefined;
}

function run(command, args) {
  return spawnSync(command, args, { stdio: "inherit", cwd: root }).status === 0;
}

/**
 * The path of a Chromium: an installed one, else Playwright's download, else Debian's package.
 * Exits with a plain sentence when none can be had.
 */
export async function ensureBrowser() {
  const found = installed() ?? (await playwrightsOwn());
  if (found) return found;
  console.log("Looking for a browser: none is installed, trying Playwright's download …");
  const cli = join(root, "node_modules", "@playwright/test", "cli.js");
  if (run(process.execPath, [cli, "install", "--with-deps", "chromium"])) {
    const own = await playwrightsOwn();
    if (own) return own;
  }
  if (existsSync("/usr/bin/apt-get")) {
    console.log("Trying Debian's chromium package …");
    const asRoot = process.getuid?.() === 0;
    const apt = (...args) =>
      asRoot ? run("apt-get", args) : run("sudo", ["--non-interactive", "apt-get", ...args]);
    if (apt("update", "-qq") && apt("install", "-y", "-qq", "chromium")) {
      const debian = installed();
      if (debian) return debian;
    }
  }
  console.error(
    "No Chromium could be found or installed. Install one and set CHROMIUM_PATH to it.",
  );
  process.exit(1);
}

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const scripts = resolve(import.meta.dirname, "../scripts");

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "palimpsest-build-"));
  cpSync(scripts, join(root, "scripts"), { recursive: true });
  writeFileSync(join(root, "package-lock.json"), "{}");
  // In place of what builds the client: empties the folder first, as it does, and may die then.
  const vite = join(root, "node_modules/vite/bin");
  mkdirSync(vite, { recursive: true });
  const program = `
    const { copyFileSync, existsSync, mkdirSync, rmSync } = require("node:fs");
    rmSync("dist/client", { recursive: true, force: true });
    mkdirSync("dist/client", { recursive: true });
    if (existsSync("full")) process.exit(1);
    copyFileSync("client/page.ts", "dist/client/page.js");`;
  writeFileSync(join(vite, "vite.js"), program);
});
afterEach(() => rm(root, { recursive: true }));

function build(source: string): string | undefined {
  mkdirSync(join(root, "client"), { recursive: true });
  writeFileSync(join(root, "client/page.ts"), source);
  const program = `(await import(${JSON.stringify(join(root, "scripts/build.mjs"))})).ensureBuilt()`;
  spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  const built = join(root, "dist/client/page.js");
  return existsSync(built) ? readFileSync(built, "utf8") : undefined;
}

it("O1: what a broken-off build left is not taken for a build, also when the source is as before", () => {
  expect(build("one")).toBe("one");
  writeFileSync(join(root, "full"), "");
  expect(build("two")).toBeUndefined();
  rmSync(join(root, "full"));
  expect(build("one")).toBe("one");
});

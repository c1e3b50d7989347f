import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

const scripts = resolve(import.meta.dirname, "../scripts");

describe("the lock of the first start", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "palimpsest-install-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const log = () => join(folder, "log");
  const lines = () => (existsSync(log()) ? readFileSync(log(), "utf8").trim().split("\n") : []);

  /** A process that takes the lock and holds it for so long, saying in the log when. */
  function hold(name: string, ms: number): ChildProcess {
    const program = `
      import { appendFileSync } from "node:fs";
      import { withLock } from ${JSON.stringify(join(scripts, "lock.mjs"))};
      const say = (what) => appendFileSync(${JSON.stringify(log())}, what + " ${name}\\n");
      withLock(${JSON.stringify(join(folder, "lock"))}, () => {
        say("in");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms});
        say("out");
      });`;
    return run(["--input-type=module", "--eval", program]);
  }

  function run(args: string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const child = spawn(process.execPath, args, { stdio: "ignore", env });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  }

  it("is held by one process at a time, however many come at once", async () => {
    const children = Array.from({ length: 6 }, (_, i) => hold(`${i}`, 50));
    expect(await Promise.all(children.map(exitOf))).toEqual([0, 0, 0, 0, 0, 0]);
    const said = lines();
    expect(said).toHaveLength(12);
    for (let i = 0; i < 12; i += 2) {
      expect(said[i]).toMatch(/^in /);
      expect(said[i + 1]).toBe(said[i]?.replace("in", "out"));
    }
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it("is taken over from a process that was killed, by one of those that wait", async () => {
    const killed = hold("killed", 60_000);
    await expect.poll(lines).toEqual(["in killed"]);
    const waiting = ["a", "b", "c"].map((name) => hold(name, 30));
    killed.kill("SIGKILL");
    expect(await Promise.all(waiting.map(exitOf))).toEqual([0, 0, 0]);
    const kinds = lines().map((line) => line.split(" ")[0]);
    expect(kinds).toEqual(["in", "in", "out", "in", "out", "in", "out"]);
  });

  it.each(["", "not JSON", '{"pid":1,"since":"0"}'])(
    "does not wait for a file that no living process wrote: %j",
    async (text) => {
      const here = text.startsWith("{") ? text.replace("{", `{"host":"${hostname()}",`) : text;
      writeFileSync(join(folder, "lock"), here);
      expect(await exitOf(hold("a", 1))).toBe(0);
    },
  );

  it.skipIf(process.platform === "win32")(
    "lets one of three first starts install, and the others wait until it has",
    async () => {
      const root = join(folder, "root");
      for (const name of ["install.mjs", "lock.mjs"]) {
        cpSync(join(scripts, name), join(root, "scripts", name));
      }
      writeFileSync(join(root, "package-lock.json"), "{}");
      const bin = join(folder, "bin");
      mkdirSync(bin);
      const npm = `#!/bin/sh\necho begun >> ${log()}\nsleep 0.3\nmkdir node_modules\necho done >> ${log()}\n`;
      writeFileSync(join(bin, "npm"), npm, { mode: 0o755 });
      const program = `
        import { existsSync } from "node:fs";
        const { ensureInstalled } = await import(${JSON.stringify(join(root, "scripts/install.mjs"))});
        ensureInstalled();
        process.exit(existsSync(${JSON.stringify(join(root, "node_modules"))}) ? 0 : 1);`;
      const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
      const starts = [1, 2, 3].map(() => run(["--input-type=module", "--eval", program], env));
      expect(await Promise.all(starts.map(exitOf))).toEqual([0, 0, 0]);
      expect(lines()).toEqual(["begun", "done"]);
    },
  );
});

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => {
    child.once("exit", done);
  });
}

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { claimImport } from "./import-claim.ts";
import {
  addToManifest,
  adoptManifest,
  changeManifest,
  makeDefault,
  modelIdSchema,
  readManifest,
  shippedModels,
} from "./manifest.ts";
import { tryLock, withModelsLock } from "./models-lock.ts";
import { removeModel } from "./remove-model.ts";

let modelsDir: string;
beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "manifest-"));
});
afterEach(async () => {
  await rm(modelsDir, { recursive: true });
});

async function install(id: string): Promise<void> {
  await mkdir(join(modelsDir, id), { recursive: true });
  await writeFile(join(modelsDir, id, "weights.bin"), id);
  await addToManifest(modelsDir, id, false);
}

describe("E16: the manifest changes in one step, one change after the other", () => {
  test("of many at the same moment none is lost", async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `model-${index}`);
    await Promise.all(ids.map((id) => addToManifest(modelsDir, id, id === "model-7")));
    const manifest = readManifest(modelsDir);
    expect(manifest.models.toSorted()).toEqual(ids.toSorted());
    expect(manifest.default).toBe("model-7");
  });

  test("of several processes neither", async () => {
    const script = `
      import { addToManifest } from ${JSON.stringify(join(import.meta.dirname, "manifest.ts"))};
      for (let each = 0; each < 5; each++)
        await addToManifest(process.argv[1], \`\${process.argv[2]}-\${each}\`, false);`;
    const add = async (name: string) => {
      const parts = ["--import", "tsx", "--input-type=module", "-e", script, modelsDir, name];
      const child = spawn(process.execPath, parts, { stdio: "inherit" });
      await once(child, "exit");
      return child.exitCode;
    };
    expect(await Promise.all(["a", "b", "c"].map(add))).toEqual([0, 0, 0]);
    expect(readManifest(modelsDir).models).toHaveLength(15);
    expect(await readdir(modelsDir)).toEqual([".manifest.json"]);
  });

  test("what a process that died holds is taken over", async () => {
    const dead = { pid: 2 ** 22 - 1, host: hostname(), process: "gone" };
    await writeFile(join(modelsDir, ".lock"), JSON.stringify(dead));
    await addToManifest(modelsDir, "one", false);
    expect(readManifest(modelsDir).models).toEqual(["one"]);
  });

  test("a task that fails lets the next one in", async () => {
    const failing = withModelsLock(modelsDir, () => Promise.reject(new Error("broken")));
    await expect(failing).rejects.toThrow("broken");
    await addToManifest(modelsDir, "one", false);
    expect(await readdir(modelsDir)).not.toContain(".lock");
  });

  test("what a process on another machine holds is named with the file to delete", async () => {
    const path = join(modelsDir, ".lock");
    await writeFile(path, JSON.stringify({ pid: 7, host: "elsewhere", process: null }));
    const refused = await tryLock(path, modelsDir);
    expect(refused).toEqual({
      holder: `process 7 on elsewhere (if that machine no longer runs it, delete ${path})`,
    });
  });

  test("no model takes the manifest's name", () => {
    expect(modelIdSchema.safeParse("manifest.json").success).toBe(false);
    expect(modelIdSchema.safeParse("manifest.json.new").success).toBe(true);
  });

  test("only what is there becomes the default", async () => {
    await install("one");
    await expect(makeDefault(modelsDir, "two")).rejects.toMatchObject({ code: "no_such_model" });
    expect(readManifest(modelsDir).default).toBe("one");
  });
});

const root = resolve(import.meta.dirname, "../..");
const shipped = '{ "default": "tales", "models": ["tales"] }';
const readShipped = () => readFile(join(modelsDir, "manifest.json"), "utf8");

describe("E33: what an installation adds is apart from what ships", () => {
  test("the manifest that ships is only read, also when another default is chosen or it goes", async () => {
    await writeFile(join(modelsDir, "manifest.json"), shipped);
    expect(readManifest(modelsDir)).toEqual({ default: "tales", models: ["tales"] });
    await addToManifest(modelsDir, "gpt2", true);
    expect(readManifest(modelsDir)).toEqual({ default: "gpt2", models: ["tales", "gpt2"] });
    await removeModel(modelsDir, "tales");
    expect(readManifest(modelsDir)).toEqual({ default: "gpt2", models: ["gpt2"] });
    expect(await readShipped()).toBe(shipped);
  });

  test("what an earlier version wrote there outlasts its being put back", async () => {
    await writeFile(join(modelsDir, "manifest.json"), shipped);
    await adoptManifest(modelsDir);
    expect(await readdir(modelsDir)).toEqual(["manifest.json"]);
    const before = { default: "gpt2", models: ["tales", "gpt2"] };
    await writeFile(join(modelsDir, "manifest.json"), JSON.stringify(before));
    expect(readManifest(modelsDir)).toEqual(before);
    await adoptManifest(modelsDir);
    await writeFile(join(modelsDir, "manifest.json"), shipped);
    await adoptManifest(modelsDir);
    expect(readManifest(modelsDir)).toEqual(before);
  });

  test("what ships is what the tracked manifest names", async () => {
    const tracked = JSON.parse(await readFile(join(root, "models/manifest.json"), "utf8"));
    expect(tracked).toEqual({ default: "tales", models: shippedModels });
  });

  test.skipIf(!existsSync(join(root, ".git")))("version control sees only what ships", () => {
    const isIgnored = (path: string) =>
      spawnSync("git", ["check-ignore", "--no-index", "--quiet", path], { cwd: root }).status === 0;
    for (const path of ["gpt2/weights.bin", ".manifest.json", ".downloads/x", ".import-gpt2.lock"])
      expect([path, isIgnored(`models/${path}`)]).toEqual([path, true]);
    for (const path of ["manifest.json", "tales/card.json", "tales/weights.bin"])
      expect([path, isIgnored(`models/${path}`)]).toEqual([path, false]);
  });
});

describe("E16: a model that is removed is gone, files and all", () => {
  test("out of the manifest first, then off the disk, with what a crash left before", async () => {
    await install("one");
    await install("two");
    await mkdir(join(modelsDir, ".removed-before"));
    await removeModel(modelsDir, "two");
    expect(readManifest(modelsDir)).toEqual({ default: "one", models: ["one"] });
    expect((await readdir(modelsDir)).toSorted()).toEqual([".manifest.json", "one"]);
  });

  test("and where it was killed in between, with the next change", async () => {
    await install("one");
    await install("two");
    await mkdir(join(modelsDir, "by-hand"));
    await writeFile(join(modelsDir, ".removing-two"), "");
    await writeFile(join(modelsDir, ".removing-one"), "");
    await changeManifest(modelsDir, () => ({ default: "one", models: ["one"] }));
    const claim = await claimImport(modelsDir, "two");
    await claim.release();
    expect((await readdir(modelsDir)).toSorted()).toEqual([".manifest.json", "by-hand", "one"]);
  });

  test("the default only as the last one", async () => {
    await install("one");
    await install("two");
    await expect(removeModel(modelsDir, "one")).rejects.toMatchObject({
      code: "model_is_default",
      message: expect.stringContaining("Make another model the default first"),
    });
    await makeDefault(modelsDir, "two");
    await removeModel(modelsDir, "one");
    await removeModel(modelsDir, "two");
    expect(readManifest(modelsDir)).toEqual({ default: null, models: [] });
  });

  test("an unknown one changes nothing, whatever its name", async () => {
    await install("one");
    for (const id of ["two", "..", "../one", "one/.."])
      await expect(removeModel(modelsDir, id)).rejects.toMatchObject({ code: "no_such_model" });
    expect(await readFile(join(modelsDir, "one", "weights.bin"), "utf8")).toBe("one");
  });
});

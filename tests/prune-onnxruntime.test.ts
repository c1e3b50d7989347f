import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const own = join("napi-v6", process.platform, process.arch);
const foreign = ["napi-v6/aix/x64/lib.so", "napi-v6/linux/riscv64/lib.so", "napi-v3/any/lib.so"];
const card = join(own, "libonnxruntime_providers_cuda.so");

describe("pruning onnxruntime", () => {
  let folder: string;
  let bin: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "palimpsest-prune-"));
    const packages = join(folder, "node_modules");
    for (const name of ["onnxruntime-common", "onnxruntime-node/dist"]) {
      cpSync(join(root, "node_modules", name), join(packages, name), { recursive: true });
    }
    const installed = join(root, "node_modules/onnxruntime-node");
    cpSync(join(installed, "package.json"), join(packages, "onnxruntime-node/package.json"));
    bin = join(packages, "onnxruntime-node/bin");
    cpSync(join(installed, "bin", own), join(bin, own), { recursive: true });
    for (const path of [...foreign, card]) {
      mkdirSync(dirname(join(bin, path)), { recursive: true });
      writeFileSync(join(bin, path), "another system's");
    }
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const prune = () =>
    execFileSync(process.execPath, [join(root, "scripts/prune-onnxruntime.mjs"), folder], {
      encoding: "utf8",
    });

  /** Loads the model that ships with what is installed in the folder. */
  const openModel = () => {
    const model = JSON.stringify(join(root, "models/tales/model-1.onnx"));
    const program = `
      require("onnxruntime-node").InferenceSession.create(${model})
        .then((session) => console.log(session.outputNames.join()));`;
    const args = ["--eval", program];
    return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" }).trim();
  };

  it("leaves this system's binaries, with which a model opens", () => {
    const kept = readdirSync(join(bin, own)).filter((name) => !card.endsWith(name));
    expect(prune()).toContain("now");
    for (const path of [...foreign, card]) expect(existsSync(join(bin, path))).toBe(false);
    expect(readdirSync(join(bin, own)).sort()).toEqual(kept.sort());
    expect(openModel()).toContain("logits");
    expect(prune()).toContain("now");
    expect(openModel()).toContain("logits");
  });

  it("removes nothing where this system's are missing", () => {
    rmSync(join(bin, own), { recursive: true });
    expect(prune()).toContain("nothing was removed");
    for (const path of foreign) expect(existsSync(join(bin, path))).toBe(true);
  });

  it("says so where onnxruntime is not installed", () => {
    rmSync(join(folder, "node_modules"), { recursive: true });
    expect(prune()).toContain("nothing to prune");
  });
});

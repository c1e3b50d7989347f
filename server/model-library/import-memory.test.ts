import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { precisions } from "./precision.ts";
import { tinySource, writeSource } from "./test-support/model-source.ts";

const root = join(import.meta.dirname, "../..");

/** Imports in a fresh process and tells how much memory that took above what the process had before. */
const script = `
  import { importModel } from "./server/model-library/import-model.ts";
  const [source, modelsDir, precision] = process.argv.slice(-3);
  const before = process.memoryUsage().rss;
  const measure = async () => ({ speed: { oneStream: 1, eightStreams: 1 } });
  await importModel({ source, modelsDir, id: precision, precision, measure });
  console.log(process.resourceUsage().maxRSS * 1024 - before);
`;

test("E29: an import takes at most twice the largest tensor of memory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "memory-"));
  const sizes = { vocab_size: 50_257, n_embd: 256, n_head: 4, n_inner: 128, n_layer: 1 };
  const source = await writeSource(join(folder, "source"), tinySource(sizes));
  const largest = 4 * sizes.vocab_size * sizes.n_embd;
  for (const precision of precisions) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        "--import",
        "tsx",
        "--input-type=module",
        "-e",
        script,
        "--",
        source,
        join(folder, "models"),
        precision,
      ],
      { cwd: root },
    );
    const taken = Number(stdout.trim());
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(2 * largest);
  }
  await rm(folder, { recursive: true });
}, 60_000);

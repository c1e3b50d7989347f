import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLogger } from "../observability/logger.ts";
import { addToManifest } from "./manifest.ts";
import { watchModels } from "./watch-models.ts";

let modelsDir: string;
beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "watch-models-"));
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(modelsDir, { recursive: true });
});

const aLook = 2_000;
const watch = (refresh: () => void) =>
  watchModels({ modelsDir, refresh, logger: createLogger("silent") });
/** Looks again and again until `refresh` was called so often. */
const called = (refresh: () => void, times: number) =>
  vi.waitFor(
    () => {
      vi.advanceTimersByTime(aLook);
      expect(refresh).toHaveBeenCalledTimes(times);
    },
    { timeout: 5_000, interval: 5 },
  );

async function makeModel(folder: string, card: string): Promise<void> {
  await mkdir(join(modelsDir, folder));
  await writeFile(join(modelsDir, folder, "card.json"), card);
}

test("E16: what could not be taken in is tried again, and what was is left alone", async () => {
  await makeModel("one", "{}");
  await addToManifest(modelsDir, "one", false);
  let refusals = 2;
  const refresh = vi.fn<() => void>(() => {
    if (refusals-- > 0) throw new Error("half written");
  });
  const watching = watch(refresh);
  await called(refresh, 3);
  vi.advanceTimersByTime(aLook);
  await watching.close();
  expect(refresh).toHaveBeenCalledTimes(3);
});

test("E16: a model that took another's name between two looks is noticed", async () => {
  await makeModel("one", "{}");
  await addToManifest(modelsDir, "one", false);
  const refresh = vi.fn<() => void>();
  const watching = watch(refresh);
  await called(refresh, 1);
  await makeModel(".new", "[]");
  await rename(join(modelsDir, "one"), join(modelsDir, ".old"));
  await rename(join(modelsDir, ".new"), join(modelsDir, "one"));
  await called(refresh, 2);
  await watching.close();
  expect(refresh).toHaveBeenCalledTimes(2);
});

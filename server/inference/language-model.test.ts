import { expect, test } from "vitest";
import { loadLanguageModel } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";

test("the zero-copy runtime is chosen where nobody says otherwise", async () => {
  const { runtime, fallbackReason } = await openRuntime();
  expect([runtime.kind, fallbackReason]).toEqual(["zero-copy", undefined]);
  runtime.release();
});

test("a released session refuses to run, and releasing twice is fine", async () => {
  const { runtime } = await openRuntime("zero-copy");
  const model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  const cache = model.createCache();
  cache.reserve(1);
  await model.release();
  await model.release();
  await expect(model.run([{ cache, past: 0, tokens: [1], outputs: 1 }])).rejects.toThrow(
    "released",
  );
});

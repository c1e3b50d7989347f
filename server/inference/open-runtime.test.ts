import { afterEach, expect, test, vi } from "vitest";
import { openRuntime } from "./open-runtime.ts";

afterEach(() => {
  vi.doUnmock("./zero-copy-runtime.ts");
});

test("where the zero-copy runtime is not there the ordinary binding serves, and says why", async () => {
  vi.doMock(import("./zero-copy-runtime.ts"), () => ({
    createZeroCopyRuntime() {
      throw new Error("no library for this platform");
    },
  }));
  const { runtime, fallbackReason } = await openRuntime();
  expect(runtime.kind).toBe("binding");
  expect(fallbackReason).toContain("no library for this platform");
  await expect(openRuntime("zero-copy")).rejects.toThrow("no library for this platform");
  runtime.release();
});

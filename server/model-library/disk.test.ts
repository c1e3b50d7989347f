import { expect, test } from "vitest";
import { explainDisk, freeBytes, inBytes, requireSpace } from "./disk.ts";

const failed = (code: string) => Object.assign(new Error(code), { code });

test("E14: a folder that cannot be written to, or a disk that is full, is said with what to do", () => {
  for (const code of ["EACCES", "EROFS", "EPERM"])
    expect(explainDisk(failed(code), "/models")).toMatchObject({
      code: "models_read_only",
      message: expect.stringMatching(/\/models cannot be written to\. .*MODELS_DIR/),
    });
  for (const code of ["ENOSPC", "EDQUOT"])
    expect(explainDisk(failed(code), "/models")).toMatchObject({ code: "disk_full" });
  const other = failed("EIO");
  expect(explainDisk(other, "/models")).toBe(other);
});

test("E14: what is needed and what is free are both named", async () => {
  const free = async () => 1_000_000;
  await expect(requireSpace("/models", 1_000_000, free)).resolves.toBeUndefined();
  await expect(requireSpace("/models", 2_500_000_000, free)).rejects.toThrow(
    "needs 2.5 GB on the disk of /models, of which 1.0 MB are free",
  );
});

test("bytes in thousands", () => {
  expect([0, 999, 1_000, 548_105_171, 6_433_000_000].map(inBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "548 MB",
    "6.4 GB",
  ]);
});

test("what is free is known before the folder is made", async () => {
  const free = await freeBytes("/no/such/folder/yet");
  expect(free).toBeGreaterThan(0);
});

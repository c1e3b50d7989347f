import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** What a reader of reports says of one, in a process of its own as in `npm test`. */
async function read(reader: "readVitest" | "readPlaywright", report: unknown): Promise<unknown> {
  const script = `
    import { ${reader} } from "./scripts/test-reports.mjs";
    console.log(JSON.stringify(${reader}(JSON.parse(process.argv[1]))));
  `;
  const words = ["--input-type=module", "-e", script, "--", JSON.stringify(report)];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root });
  return JSON.parse(stdout);
}

const suite = `
  import { expect, test } from "vitest";
  let tries = 0;
  test("at once", () => {});
  test("on a second try", { retry: 1 }, () => expect(++tries).toBe(2));
  test("never", () => expect(tries).toBe(3));
  test("too slowly", { timeout: 50 }, () => new Promise(() => {}));
`;

test("of Vitest's own report it is told which tests failed and which needed a second try", async () => {
  // Where it finds Vitest.
  const cache = join(root, ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "reports-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "vitest.config.mjs"), "export default {};");
  await writeFile(join(folder, "tries.test.mjs"), suite);
  await writeFile(join(folder, "broken.test.mjs"), `throw new Error("no such thing");`);
  const env = { PATH: process.env.PATH };
  const output = join(folder, "report.json");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const flags = ["--root", folder, "--reporter=json", `--outputFile=${output}`];
  const run = promisify(execFile)(process.execPath, [vitest, "run", ...flags], {
    cwd: folder,
    env,
  });
  await expect(run).rejects.toMatchObject({ code: 1 });
  const { passed, failed, retried } = (await read(
    "readVitest",
    JSON.parse(await readFile(output, "utf8")),
  )) as { passed: number; failed: string[]; retried: string[] };
  expect(passed).toBe(2);
  expect(failed.toSorted()).toEqual([
    expect.stringMatching(/broken\.test\.mjs: no such thing$/),
    expect.stringMatching(/tries\.test\.mjs › never: AssertionError: expected 2 to be 3/),
    expect.stringMatching(/tries\.test\.mjs › too slowly: it ran into its time limit$/),
  ]);
  expect(retried).toEqual([expect.stringMatching(/› on a second try: .* expected 1 to be 2/)]);
});

test("of a browser report it is told which tests failed and which needed a second try", async () => {
  const test = (status: string, ...messages: (string | undefined)[]) => ({
    status,
    results: messages.map((message) =>
      message === undefined ? { status: "passed" } : { status: "failed", error: { message } },
    ),
  });
  const spec = (title: string, one: object) => ({
    title,
    file: "a.spec.ts",
    line: 3,
    tests: [one],
  });
  const report = {
    errors: [{ message: "no browser\nat all" }],
    suites: [
      {
        specs: [spec("whole", test("expected", undefined))],
        suites: [
          {
            specs: [
              spec("shaky", test("flaky", "late\nvery", undefined)),
              spec("broken", test("unexpected", "wrong", "wrong")),
              spec("left out", test("skipped")),
            ],
          },
        ],
      },
    ],
  };
  expect(await read("readPlaywright", report)).toEqual({
    passed: 2,
    failed: ["no browser", "a.spec.ts:3 › broken: wrong"],
    retried: ["a.spec.ts:3 › shaky: late"],
  });
});

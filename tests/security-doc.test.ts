import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const text = readFileSync(join(root, "docs/security.md"), "utf8");

/** All tests there are, as text. */
const tests = ["client", "server", "shared", "migrations", "tests"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter(({ name }) => /(\.(test|spec)|-contract)\.tsx?$/.test(name))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")),
  )
  .join("\n");

/** What stands in “…” is a test's title, what stands in `…` with a slash is a file. */
const titles = [...text.matchAll(/“([^”]+)”/g)].map((match) => match[1] ?? "");
const files = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+)`/g)].map((match) => match[1] ?? "");

describe("docs/security.md", () => {
  it("names tests that exist, and enough of them", () => {
    const missing = titles.filter(
      (title) => !["'", '"', "`"].some((quote) => tests.includes(`${quote}${title}${quote}`)),
    );
    expect(missing).toEqual([]);
    expect(titles.length).toBeGreaterThan(60);
  });

  it("names files that exist", () => {
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(files.length).toBeGreaterThan(60);
  });

  it("has a line for each of the fifteen, and a test for it", () => {
    for (let measure = 1; measure <= 15; measure += 1)
      expect(text).toMatch(new RegExp(`^\\| ${measure} .*“${measure} [^”]+”`, "m"));
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const folders = ["client", "server", "shared", "migrations", "tests"];

const rules = new Set(
  [...readFileSync(join(root, "docs/rules.md"), "utf8").matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(
    (match) => match[1] ?? "",
  ),
);

/** Rule numbers at the start of test titles, each with the files that cite it. */
function citations(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const folder of folders)
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !/(\.(test|spec)|-contract)\.tsx?$/.test(entry.name)) continue;
      // A title begins with the numbers of the rules that it holds: "S1 S3: …".
      for (const title of readFileSync(file, "utf8").matchAll(/["'`]((?:[A-Z]\d+ )*[A-Z]\d+): /g))
        for (const rule of title[1]?.split(" ") ?? []) {
          const files = found.get(rule) ?? new Set();
          found.set(rule, files.add(relative(root, file)));
        }
    }
  return found;
}

describe("docs/rules.md", () => {
  const cited = citations();

  it("every rule is held by a test that cites it", () => {
    expect([...rules].filter((rule) => !cited.has(rule))).toEqual([]);
  });

  it("every citation is of a rule that exists", () => {
    expect([...cited].filter(([rule]) => !rules.has(rule))).toEqual([]);
  });
});

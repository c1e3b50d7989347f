import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

const base = [
  "config",
  "errors",
  "database",
  "observability",
  "http",
  "sockets",
  "audit",
  "mail",
  "jobs",
  "bus",
];

/** Who may import whom among the folders of `server`, themselves and `shared` aside. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(base.map((folder) => [folder, base])),
  inference: base.filter((folder) => folder !== "database"),
  "model-library": ["inference", ...base],
  sync: base,
  accounts: base,
  quotas: ["accounts", ...base],
  documents: ["accounts", "sync", ...base],
  comments: ["documents", "accounts", "sync", ...base],
  generation: ["documents", "sync", "inference", "model-library", "quotas", ...base],
  completions: ["accounts", "quotas", "inference", "model-library", ...base],
  datasets: ["documents", "quotas", ...base],
  batches: ["datasets", "quotas", "inference", "model-library", ...base],
  training: ["datasets", "quotas", "inference", "model-library", ...base],
};
/** The composition roots: they may import anything, and nobody imports them. */
const roots = ["app", "cli", "main"];

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** The files of ours that a file imports, as paths from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(
    (match) => match[1] ?? "",
  );
  return specifiers.flatMap((specifier) => {
    if (specifier.startsWith("#shared/")) return [`shared/${specifier.slice("#shared/".length)}`];
    if (specifier.startsWith(".")) return [relative(root, resolve(root, dirname(file), specifier))];
    return [];
  });
}

const isTest = (file: string) => /\.(test|fuzz\.test)\.tsx?$/.test(file);

/** `server/sync/room.ts` → `sync`; `server/config.ts` → `config`. */
function serverFolder(file: string): string | undefined {
  const [top, second] = file.split("/");
  return top === "server" ? second?.replace(/\.ts$/, "") : undefined;
}

describe("architecture", () => {
  it("shared imports nothing of ours", () => {
    const wrong = sourceFiles("shared").flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith("shared/"))
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("client imports only client and shared", () => {
    const wrong = sourceFiles("client").flatMap((file) =>
      importsOf(file)
        .filter((target) => !/^(client|shared)\//.test(target))
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("each folder of server imports only what stands below it", () => {
    const wrong: string[] = [];
    for (const file of sourceFiles("server").filter((name) => !isTest(name))) {
      const from = serverFolder(file) ?? "";
      for (const target of importsOf(file)) {
        const to = serverFolder(target);
        const inside = to === from || target.startsWith("shared/");
        const isRoot = roots.includes(from) && !roots.includes(to ?? "");
        const startsApp = from === "main" && (to === "app" || to === "cli");
        const lists = from === "database" && target.startsWith("migrations/");
        if (inside || isRoot || startsApp || lists) continue;
        if (to !== undefined && allowed[from]?.includes(to)) continue;
        wrong.push(`${file} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("every folder of server has its line in the table", () => {
    const folders = readdirSync(join(root, "server")).filter((name) =>
      statSync(join(root, "server", name)).isDirectory(),
    );
    const unknown = folders.filter((name) => !(name in allowed) && !roots.includes(name));
    expect(unknown).toEqual([]);
  });

  it("only config reads the environment", () => {
    const readers = sourceFiles("server").filter(
      (file) => !isTest(file) && readFileSync(join(root, file), "utf8").includes("process.env"),
    );
    expect(
      readers.filter((file) => !/^server\/(config(\/[\w-]+)?|main)\.ts$|^server\/cli\//.test(file)),
    ).toEqual([]);
  });

  it("E32: who starts a process tells it no more of the environment than config lets it know", () => {
    const starters = sourceFiles("server").filter((file) => {
      const text = readFileSync(join(root, file), "utf8");
      // Types start nothing; in whatever way the rest is imported, it may.
      const others = text.replaceAll(/import type [^;]*;/g, "");
      const starts = /["'](node:)?(child_process|worker_threads|cluster)["']/.test(others);
      return starts && !isTest(file) && !text.includes("env: childEnvironment()");
    });
    expect(starters).toEqual([]);
  });

  it("only accounts/sessions.ts imports lucia", () => {
    const importers = sourceFiles("server").filter((file) =>
      /from ["']lucia["']/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(importers.filter((file) => file !== "server/accounts/sessions.ts")).toEqual([]);
  });
});

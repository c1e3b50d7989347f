import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { migrations } from "./migrations.ts";

test("every file in migrations/ is listed, in order, under its name", () => {
  const files = readdirSync(new URL("../../migrations", import.meta.url))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.replace(/\.ts$/, ""))
    .sort();
  expect(Object.keys(migrations)).toEqual(files);
});

import { expect, it } from "vitest";
import { createTurnstile } from "./turnstile.ts";

/** Tasks that end when they are told to, and the order in which they began. */
function desk(limits: Partial<Parameters<typeof createTurnstile>[0]> = {}) {
  const turnstile = createTurnstile({ atOnce: 2, waitingInLine: 3, waiting: 100, ...limits });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const come = (line: string, name: string) =>
    turnstile.pass(line, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      return name;
    });
  const endOne = async () => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { come, begun, endOne, turnstile };
}

it("A21: only so many hash at once, and a flood from one address stands behind itself alone", async () => {
  const { come, begun, endOne } = desk();
  const coming = ["f1", "f2", "f3", "f4"].map((name) => come("flood", name));
  coming.push(come("home", "h1"), come("office", "o1"));
  await Promise.resolve();
  expect(begun).toEqual(["f1", "f2"]);
  for (let left = 6; left > 0; left--) await endOne();
  expect(begun).toEqual(["f1", "f2", "f3", "h1", "o1", "f4"]);
  expect(await Promise.all(coming)).toEqual(["f1", "f2", "f3", "f4", "h1", "o1"]);
});

it("A21: a line that is full is told so at once, another is not", async () => {
  const { come, begun, endOne } = desk();
  const flood = Array.from({ length: 5 }, (_, index) => come("flood", `f${index}`));
  await expect(come("flood", "f5")).rejects.toMatchObject({ code: "unavailable", status: 503 });
  const home = come("home", "h1");
  for (let left = 6; left > 0; left--) await endOne();
  await Promise.all([...flood, home]);
  expect(begun).toContain("h1");
});

it("a task that fails makes room like any other", async () => {
  const { turnstile } = desk({ atOnce: 1 });
  await expect(turnstile.pass("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await turnstile.pass("a", async () => "yes")).toBe("yes");
});

import { expect, it } from "vitest";
import { Allowance } from "./allowance.ts";

function open() {
  const clock = { now: 0 };
  return { clock, allowance: new Allowance({ most: 10, perSecond: 2 }, () => clock.now) };
}

it("A22: lets through what it holds, and then what comes back", () => {
  const { clock, allowance } = open();
  for (let count = 0; count < 10; count++) expect(allowance.trySpend(1)).toBe(0);
  expect(allowance.trySpend(1)).toBe(500);
  expect(allowance.trySpend(1)).toBe(500);
  clock.now = 500;
  expect(allowance.trySpend(1)).toBe(0);
  expect(allowance.trySpend(1)).toBe(500);
  clock.now = 1_000_000;
  expect(allowance.trySpend(10)).toBe(0);
  expect(allowance.trySpend(1)).toBe(500);
});

it("A22: what has come already is owed, and what is given back is not", () => {
  const { clock, allowance } = open();
  expect(allowance.spend(30)).toBe(10_000);
  clock.now = 10_000;
  expect(allowance.spend(1)).toBe(500);
  allowance.giveBack(1);
  expect(allowance.spend(0)).toBe(0);
});

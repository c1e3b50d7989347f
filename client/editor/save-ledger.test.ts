import { expect, test } from "vitest";
import { createSaveLedger } from "./save-ledger.ts";

const at = (clock: number) => new Map([[7, clock]]);

test("S2: is settled once as many frames are committed as were sent", () => {
  const ledger = createSaveLedger();
  ledger.connected();
  ledger.sent(at(1));
  ledger.sent(at(2));
  ledger.acknowledged(1);
  expect(ledger.settled).toBe(false);
  expect(ledger.durable).toEqual(at(1));
  ledger.acknowledged(2);
  expect(ledger.settled).toBe(true);
  expect(ledger.durable).toEqual(at(2));
});

test("a repeated or older count changes nothing", () => {
  const ledger = createSaveLedger();
  ledger.connected();
  ledger.sent(at(1));
  ledger.acknowledged(1);
  ledger.sent(at(2));
  ledger.acknowledged(1);
  ledger.acknowledged(0);
  expect(ledger.settled).toBe(false);
});

test("frames under way on a lost line are unsaved until a new line carries them", () => {
  const ledger = createSaveLedger();
  ledger.connected();
  ledger.sent(at(1));
  ledger.disconnected();
  expect(ledger.settled).toBe(false);
  ledger.connected();
  ledger.sent(at(1));
  expect(ledger.settled).toBe(false);
  ledger.acknowledged(1);
  expect(ledger.settled).toBe(true);
});

test("what is known to be durable never goes back", () => {
  const ledger = createSaveLedger(at(5));
  ledger.serverHas(at(3));
  expect(ledger.durable).toEqual(at(5));
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { type PacedUpdates, paceUpdates } from "./paced-updates.ts";

const storeOrigin = {};
let server: Y.Doc;
let doc: Y.Doc;
let stored: Uint8Array[];
let paced: PacedUpdates;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Y.Doc();
  doc = new Y.Doc();
  stored = [];
  paced = paceUpdates({ doc, storeOrigin, store: (update) => stored.push(update) });
  server.on("update", (update: Uint8Array) => Y.applyUpdate(doc, update, "server"));
});
afterEach(() => {
  paced.close();
  vi.useRealTimers();
});

function write(words: string) {
  const body = server.getText("body");
  body.insert(body.length, words);
}

/** What a new page would read from the store. */
function storedText(): string {
  const next = new Y.Doc();
  for (const update of stored) Y.applyUpdate(next, update);
  return next.getText("body").toJSON();
}

test("what others write is stored once a second, together", () => {
  for (const word of ["The ", "bear ", "went."]) write(word);
  expect(stored).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(stored).toHaveLength(1);
  expect(storedText()).toBe("The bear went.");
  write(" Home.");
  vi.advanceTimersByTime(1_000);
  expect(stored).toHaveLength(2);
  expect(storedText()).toBe("The bear went. Home.");
});

test("U2: one's own words are stored at once, with what they build upon", () => {
  write("The bear");
  doc.getText("body").insert(8, " sang");
  expect(storedText()).toBe("The bear sang");
  vi.advanceTimersByTime(10_000);
  expect(stored).toHaveLength(1);
});

test("what came out of the store does not go back into it", () => {
  const kept = new Y.Doc();
  kept.getText("body").insert(0, "Kept.");
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(kept), storeOrigin);
  vi.advanceTimersByTime(1_000);
  expect(stored).toEqual([]);
});

test("nothing waits when the page goes or the copy is closed", () => {
  write("The bear");
  paced.flush();
  expect(storedText()).toBe("The bear");
  write(" went.");
  paced.close();
  expect(storedText()).toBe("The bear went.");
  write(" Home.");
  vi.advanceTimersByTime(10_000);
  expect(storedText()).toBe("The bear went.");
});

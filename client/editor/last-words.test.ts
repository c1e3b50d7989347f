import { beforeEach, expect, test } from "vitest";
import * as Y from "yjs";
import { createLastWords } from "./last-words.ts";
import { createMemoryStorage } from "./test-support/scripted-socket.ts";

let storage: Storage;
beforeEach(() => {
  storage = createMemoryStorage();
});

const bodyOf = (doc: Y.Doc) => doc.getText("body").toJSON();

/** A copy that holds "Once." as committed, and then `words` that are not. */
function writer(words: string) {
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "Once.");
  const durable = Y.decodeStateVector(Y.encodeStateVector(doc));
  const committed = Y.encodeStateAsUpdate(doc);
  doc.getText("body").insert(5, words);
  return { doc, durable, committed };
}

test("U2: the next page has the words that the last one kept while it went", () => {
  const { doc, durable, committed } = writer(" Late.");
  createLastWords(storage, "copy", doc).keep(durable);
  const next = new Y.Doc();
  Y.applyUpdate(next, committed);
  createLastWords(storage, "copy", next).restore();
  expect(bodyOf(next)).toBe("Once. Late.");
});

test("what was restored stays in storage until it is committed, and goes then", () => {
  const { doc, durable } = writer(" Late.");
  createLastWords(storage, "copy", doc).keep(durable);
  const lastWords = createLastWords(storage, "copy", new Y.Doc());
  lastWords.restore();
  expect(storage.length).toBe(1);
  lastWords.forget();
  expect(storage.length).toBe(0);
});

test("what another tab keeps, and what belongs to another copy, is left alone", () => {
  const { doc, durable } = writer(" Late.");
  const lastWords = createLastWords(storage, "copy", new Y.Doc());
  lastWords.restore();
  createLastWords(storage, "copy", doc).keep(durable);
  createLastWords(storage, "copy of another", doc).keep(durable);
  lastWords.forget();
  expect(storage.length).toBe(2);
});

test("words that cannot be read are thrown away, and the rest is restored", () => {
  const { doc, durable, committed } = writer(" Late.");
  storage.setItem("copy:last-words:broken", "AQ");
  createLastWords(storage, "copy", doc).keep(durable);
  const next = new Y.Doc();
  Y.applyUpdate(next, committed);
  createLastWords(storage, "copy", next).restore();
  expect(bodyOf(next)).toBe("Once. Late.");
  expect(storage.getItem("copy:last-words:broken")).toBeNull();
});

test("S11: the next page knows what the last one knew to be committed", () => {
  const { doc, durable } = writer(" Late.");
  createLastWords(storage, "copy", doc).keep(durable);
  const known = createLastWords(storage, "copy", new Y.Doc()).restore();
  expect([...known]).toEqual([...durable]);
});

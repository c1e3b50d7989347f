import { expect, test } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { peopleIn } from "./presence-state.ts";
import { decodePosition, encodePosition } from "./relative-position.ts";

test("people are the others whom the server has stamped; broken states are nobody's", () => {
  const awareness = new Awareness(new Y.Doc());
  const ana = { id: "1", name: "Ana", role: "editor" };
  awareness.setLocalState({ user: ana });
  awareness.states.set(3, { user: ana, composing: true });
  awareness.states.set(2, { cursor: null });
  awareness.states.set(4, { user: "forged" });
  expect(peopleIn(awareness)).toEqual([{ clientId: 3, user: ana, cursor: null, composing: true }]);
  awareness.destroy();
});

test("a position stays beside its left neighbour, and never behind the final line break", () => {
  const text = new Y.Doc().getText("body");
  text.insert(0, "One two.\n");
  const caret = encodePosition(text, 3);
  text.insert(3, "!");
  expect(decodePosition(text, caret)).toBe(3);
  text.insert(0, "Now ");
  expect(decodePosition(text, caret)).toBe(7);
  expect(decodePosition(text, encodePosition(text, text.length))).toBe(text.length - 1);
  expect(decodePosition(text, "AAAA")).toBeUndefined();
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { createCompositionGate } from "./composition-gate.ts";
import { createFramePace, type FramePace } from "./frame-pace.ts";
import { positionToJson } from "./relative-position.ts";

const origin = {};
let server: Y.Doc;
let writer: Y.Doc;
let doc: Y.Doc;
let awareness: Awareness;
let pace: FramePace;
let updates: number;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Y.Doc();
  server.getText("body").insert(0, "Once.\n");
  writer = copyOf(server);
  doc = copyOf(server);
  awareness = new Awareness(doc);
  show(null);
  const gate = createCompositionGate();
  pace = createFramePace({ doc, text: doc.getText("body"), awareness, gate, origin });
  updates = 0;
  doc.on("update", () => updates++);
  for (const from of [server, writer]) {
    from.on("update", (update: Uint8Array, by: unknown) => {
      if (by !== origin) pace.take(update, () => Y.applyUpdate(doc, update, origin));
    });
  }
  pace.setModelAway(true);
  // The first after a rest comes in at once.
  model("A");
});
afterEach(() => {
  pace.close();
  awareness.destroy();
  vi.useRealTimers();
});

function copyOf(from: Y.Doc): Y.Doc {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(from));
  return copy;
}

function model(words: string) {
  const body = server.getText("body");
  body.insert(body.length - 1, words, { run: "r" });
}

/** The writer's caret, as awareness brings it. */
function show(head: unknown) {
  awareness.states.set(writer.clientID, {
    user: { id: "w", name: "Writer", role: "editor" },
    cursor: head === null ? null : { anchor: head, head },
  });
  awareness.emit("change", [{ added: [], updated: [writer.clientID], removed: [] }, "remote"]);
}

const shown = () => doc.getText("body").toJSON();

test("U10: a run's words out of view come in together, four times a second, and all of them", () => {
  expect(shown()).toBe("Once.A\n");
  updates = 0;
  for (const words of ["B", "C", "D"]) model(words);
  vi.advanceTimersByTime(200);
  expect(shown()).toBe("Once.A\n");
  vi.advanceTimersByTime(50);
  expect(shown()).toBe("Once.ABCD\n");
  expect(updates).toBe(1);
});

test("U10: what a person writes comes in at once, past the run's words that wait", () => {
  model("B");
  writer.getText("body").insert(0, "~");
  expect(shown()).toBe("~Once.A\n");
  writer.getText("body").delete(0, 1);
  expect(shown()).toBe("Once.A\n");
  vi.advanceTimersByTime(250);
  expect(shown()).toBe("Once.AB\n");
});

test("U10: what a person writes into words that wait, or takes from them, brings those in", () => {
  model("BC");
  Y.applyUpdate(writer, Y.encodeStateAsUpdate(server), origin);
  writer.getText("body").insert(7, "~");
  expect(shown()).toBe("Once.AB~C\n");
  model("DE");
  expect(shown()).toBe("Once.AB~C\n");
  Y.applyUpdate(writer, Y.encodeStateAsUpdate(server), origin);
  writer.getText("body").delete(9, 1);
  expect(shown()).toBe("Once.AB~CE\n");
});

test("U10: a person's caret in words that wait brings those in, one elsewhere does not", () => {
  model("B");
  show(positionToJson(writer.getText("body"), 3));
  expect(shown()).toBe("Once.A\n");
  show(positionToJson(server.getText("body"), 7));
  expect(shown()).toBe("Once.AB\n");
});

test("U10: the words that wait come in as soon as somebody can see them", () => {
  model("B");
  pace.setModelAway(false);
  expect(shown()).toBe("Once.AB\n");
  model("C");
  expect(shown()).toBe("Once.ABC\n");
});

test("closing loses nothing that waits", () => {
  model("B");
  pace.close();
  expect(shown()).toBe("Once.AB\n");
});

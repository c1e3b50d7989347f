import { StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { createCompositionGate } from "../../../../client/editor/composition-gate.ts";
import type { DocumentConnection } from "../../../../client/editor/document-connection.ts";
import { createDrafts } from "../../../../client/editor/drafts.ts";
import { createFramePace } from "../../../../client/editor/frame-pace.ts";
import { Manuscript } from "../../../../client/editor/manuscript.tsx";
import type { ManuscriptControls } from "../../../../client/editor/manuscript-editor.ts";
import type { ModelCaret } from "../../../../client/editor/model-caret.ts";
import { offsetAt, positionAt } from "../../../../client/editor/positions.ts";
import { encodePosition } from "../../../../client/editor/relative-position.ts";
import type { Replica } from "../../../../client/editor/replica.ts";
import { createSaveLedger } from "../../../../client/editor/save-ledger.ts";
import { createStreamingWriter } from "../../../../client/editor/test-support/streaming-writer.ts";
import { Title } from "../../../../client/editor/title.tsx";
import { sharedTypes } from "../../../../shared/sync-protocol.ts";
import type { Harness } from "./api.ts";

interface Person {
  replica: Replica;
  controls: ManuscriptControls;
  root: Root;
  place: HTMLElement;
  draw: (shown: Shown) => void;
}

/** What the model lets an editor see of itself. */
interface Shown {
  run?: ModelCaret | null;
  windowStart?: string | null;
}

let server = new Y.Doc();
let people: Person[] = [];
const flushCosts: number[] = [];

function body(doc: Y.Doc): Y.Text {
  return doc.getText(sharedTypes.body);
}

function personAt(index: number): Person {
  const person = people[index];
  if (person === undefined) throw new Error(`There is no person ${index}`);
  return person;
}

function createReplica(): Replica {
  const doc = new Y.Doc();
  const gate = createCompositionGate();
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(server), "network");
  const awareness = new Awareness(doc);
  const pace = createFramePace({ doc, text: body(doc), awareness, gate, origin: "network" });
  const end = async () => doc.destroy();
  return {
    doc,
    body: body(doc),
    title: doc.getText(sharedTypes.title),
    awareness,
    gate,
    pace,
    ledger: createSaveLedger(),
    link: "synced",
    ready: true,
    asked: true,
    loaded: Promise.resolve(),
    abandon: () => {},
    drop: end,
    close: end,
  };
}

/** Carries updates both ways, each as a task of its own, as a socket does. */
function link(replica: Replica, isFirst: boolean) {
  const channel = new MessageChannel();
  channel.port1.addEventListener("message", ({ data }: MessageEvent<Uint8Array>) =>
    Y.applyUpdate(server, data, replica),
  );
  channel.port2.addEventListener("message", ({ data }: MessageEvent<Uint8Array>) =>
    replica.gate.pass(() => {
      const started = performance.now();
      Y.applyUpdate(replica.doc, data, "network");
      if (!isFirst) return;
      // Laid out at once, so that its cost is in the figure.
      document.body.getBoundingClientRect();
      flushCosts.push(performance.now() - started);
    }),
  );
  channel.port1.start();
  channel.port2.start();
  replica.doc.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin !== "network") channel.port2.postMessage(update);
  });
  server.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin !== replica) channel.port1.postMessage(update);
  });
}

function connectionOf(replica: Replica): DocumentConnection {
  const snapshot = { save: "saved", ready: true, replica } as const;
  return {
    documentId: "harness",
    drafts: createDrafts(localStorage, "harness"),
    getSnapshot: () => snapshot,
    subscribe: () => () => {},
    close: replica.close,
  };
}

async function join(index: number, strict: boolean, titled: boolean): Promise<Person> {
  const replica = createReplica();
  link(replica, index === 0);
  const place = document.createElement("div");
  place.className = "editor";
  document.body.append(place);
  const root = createRoot(place);
  const connection = connectionOf(replica);
  const controls = await new Promise<ManuscriptControls>((resolve) => {
    const Page = strict ? StrictMode : "div";
    const draw = ({ run = null, windowStart = null }: Shown) =>
      root.render(
        <Page>
          {titled && (
            <Title
              connection={connection}
              editable
              onEnter={() => personAt(index).controls.focus()}
            />
          )}
          <Manuscript
            connection={connection}
            editable
            run={run}
            windowStart={windowStart}
            showAuthors={false}
            onReady={(controls) => {
              // In strict mode the first editor is thrown away at once; the last one stays.
              people[index] = { replica, controls, root, place, draw };
              resolve(controls);
            }}
          />
        </Page>,
      );
    draw({});
  });
  return people[index] ?? { replica, controls, root, place, draw: () => {} };
}

const harness: Harness = {
  open: async ({ text, people: count = 2, strict = false, titled = false }) => {
    harness.close();
    flushCosts.length = 0;
    server = new Y.Doc();
    body(server).insert(0, text);
    for (let index = 0; index < count; index++) await join(index, strict, titled);
  },
  close: () => {
    for (const { root, place } of people) {
      root.unmount();
      place.remove();
    }
    people = [];
  },
  stream: ({ words, offset, intervalMs }) => {
    const writer = createStreamingWriter(body(server), "run-1", offset);
    const left = [...words];
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const next = left.shift();
        if (next !== undefined) writer.write(next);
        if (left.length > 0) return;
        clearInterval(timer);
        setTimeout(resolve, 50);
      }, intervalMs);
    });
  },
  edit: ({ offset, deleted = 0, inserted = "" }) => {
    server.transact(() => {
      if (deleted > 0) body(server).delete(offset, deleted);
      if (inserted !== "") body(server).insert(offset, inserted, {});
    }, "someone");
  },
  text: () => body(server).toJSON(),
  shown: (person) => {
    const { doc } = personAt(person).controls.editor.state;
    return `${doc.textBetween(0, doc.content.size, "\n")}\n`;
  },
  blocks: (person) => {
    const { doc } = personAt(person).controls.editor.state;
    return Array.from({ length: doc.childCount }, (_, line) => {
      const block = doc.child(line);
      return block.type.name === "heading" ? `heading ${block.attrs.level}` : block.type.name;
    });
  },
  modelText: (person) => {
    const words = personAt(person).place.querySelectorAll(".run");
    return [...words].map((word) => word.textContent).join("");
  },
  caret: (person) => {
    const { doc, selection } = personAt(person).controls.editor.state;
    return offsetAt(doc, selection.head);
  },
  selection: (person) => {
    const { doc, selection } = personAt(person).controls.editor.state;
    return { anchor: offsetAt(doc, selection.anchor), head: offsetAt(doc, selection.head) };
  },
  focus: async (person, offset) => {
    const { editor } = personAt(person).controls;
    editor.commands.focus(positionAt(editor.state.doc, offset));
    editor.view.focus();
    // Tiptap focuses once more in the next frame, which would undo a key pressed before it.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  },
  clickThenSweep: (person, offset) => {
    const { controls } = personAt(person);
    const { view, state } = controls.editor;
    const place = view.domAtPos(positionAt(state.doc, offset));
    getSelection()?.collapse(place.node, place.offset);
    controls.showReread();
    const swept = [...view.dom.querySelectorAll(".reread-sweep")];
    return {
      caret: offsetAt(view.state.doc, view.state.selection.head),
      swept: swept.map((part) => part.textContent).join(""),
    };
  },
  clickThenReceive: (person, offset, inserted) => {
    const { controls, replica } = personAt(person);
    const { view, state } = controls.editor;
    const place = view.domAtPos(positionAt(state.doc, offset));
    getSelection()?.collapse(place.node, place.offset);
    const other = new Y.Doc();
    Y.applyUpdate(other, Y.encodeStateAsUpdate(replica.doc));
    body(other).insert(0, inserted, {});
    Y.applyUpdate(replica.doc, Y.encodeStateAsUpdate(other), "network");
    return offsetAt(view.state.doc, view.state.selection.head);
  },
  point: (person, offset) => {
    const { view, state } = personAt(person).controls.editor;
    const { left, top, bottom } = view.coordsAtPos(positionAt(state.doc, offset));
    return { x: left, y: (top + bottom) / 2 };
  },
  paste: (person, { text, html }) => {
    const clipboardData = new DataTransfer();
    if (text !== undefined) clipboardData.setData("text/plain", text);
    if (html !== undefined) clipboardData.setData("text/html", html);
    const { view } = personAt(person).controls.editor;
    const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    view.dom.dispatchEvent(paste);
  },
  input: (person, inputType, text) => {
    const dataTransfer = new DataTransfer();
    if (text !== undefined) dataTransfer.setData("text/plain", text);
    const { view } = personAt(person).controls.editor;
    const input = { inputType, dataTransfer, bubbles: true, cancelable: true };
    return view.dom.dispatchEvent(new InputEvent("beforeinput", input));
  },
  undo: (person) => personAt(person).controls.undo(),
  healed: () => people.reduce((sum, { controls }) => sum + controls.healed(), 0),
  scroll: (top) => {
    const { place } = personAt(0);
    if (top !== undefined) place.scrollTop = top;
    return place.scrollTop;
  },
  showModel: (offset, state = "breathing") => {
    const { draw, replica } = personAt(0);
    const caret = offset === null ? null : encodePosition(replica.body, offset);
    draw({ run: caret === null ? null : { caret, state, modelName: "tales" } });
  },
  showWindow: (offset) => {
    const { draw, replica } = personAt(0);
    draw({ windowStart: offset === null ? null : encodePosition(replica.body, offset) });
  },
  showReread: () => personAt(0).controls.showReread(),
  insertText: (person, text) => personAt(person).controls.insertText(text),
  style: (selector, property) => {
    const element = document.querySelector(selector);
    if (element === null) throw new Error(`Nothing is ${selector}`);
    return getComputedStyle(element).getPropertyValue(property);
  },
  title: () => server.getText(sharedTypes.title).toJSON(),
  follow: (on) => personAt(0).controls.setFollow(on),
  isFollowing: () => personAt(0).controls.isFollowing(),
  meet: () => {
    people.forEach(({ replica: { awareness } }, index) => {
      awareness.on("update", (_changes: unknown, origin: unknown) => {
        if (origin !== "local") return;
        const user = { id: `person-${index}`, name: `Person ${index}`, role: "editor" };
        const stamped = new Map([[awareness.clientID, { ...awareness.getLocalState(), user }]]);
        const update = encodeAwarenessUpdate(awareness, [awareness.clientID], stamped);
        for (const other of people) {
          if (other.replica.awareness === awareness) continue;
          applyAwarenessUpdate(other.replica.awareness, update, "server");
        }
      });
    });
  },
  flushCosts: () => [...flushCosts],
};
globalThis.harness = harness;

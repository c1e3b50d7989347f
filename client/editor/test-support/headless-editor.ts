import { EditorState, type Transaction } from "@tiptap/pm/state";
import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { type Binding, createBinding, type EditorHost, settleComposition } from "../binding.ts";
import { type CompositionGate, createCompositionGate } from "../composition-gate.ts";
import { textDelta } from "../delta.ts";
import { documentFromDelta } from "../document-from-delta.ts";
import { offsetAt } from "../positions.ts";
import { manuscriptSchema } from "../schema.ts";
import { nameOf, unitsOf } from "./items.ts";

const schema = manuscriptSchema();

/** An editor without a view, bound to a replica of its own. */
export interface HeadlessEditor extends EditorHost {
  readonly doc: Y.Doc;
  readonly text: Y.Text;
  readonly binding: Binding;
  readonly undoManager: Y.UndoManager;
  readonly gate: CompositionGate;
  composing: boolean;
  /** Names of all units that this editor's person has put in. */
  readonly typed: ReadonlySet<string>;
  /** Units that a local change deleted although it had not aimed at them. */
  readonly collateral: readonly string[];
  /** The next local changes may delete what stands between these positions, and nothing else. */
  aim: (from: number, to: number) => void;
  receive: (update: Uint8Array) => void;
  startComposing: () => void;
  endComposing: () => void;
}

/** An editor of the replica that `base` makes, writing as `client`. */
export function createHeadlessEditor(client: number, base: Uint8Array): HeadlessEditor {
  const doc = new Y.Doc();
  doc.clientID = client;
  Y.applyUpdate(doc, base, "network");
  const text = doc.getText(sharedTypes.body);
  const binding = createBinding({ text, verify: true });
  const undoManager = new Y.UndoManager(text, {
    trackedOrigins: new Set([binding.origin]),
    captureTimeout: 0,
  });
  const gate = createCompositionGate();
  const typed = new Set<string>();
  const collateral: string[] = [];
  let aimed = new Set<string>();
  const editor: HeadlessEditor = {
    doc,
    text,
    binding,
    undoManager,
    gate,
    typed,
    collateral,
    composing: false,
    state: EditorState.create({
      schema,
      doc: documentFromDelta(schema, textDelta(text.toDelta())),
      plugins: [binding.plugin],
    }),
    dispatch: (transaction: Transaction) => {
      const state = editor.state.apply(transaction);
      attached.send(state);
      Object.assign(editor, { state });
      attached.update();
    },
    aim: (from, to) => {
      const { doc: shown } = editor.state;
      const units = unitsOf(text).slice(offsetAt(shown, from), offsetAt(shown, to));
      aimed = new Set(units.map(nameOf));
    },
    receive: (update) => gate.pass(() => Y.applyUpdate(doc, update, "network")),
    startComposing: () => {
      editor.composing = true;
      gate.hold(editor);
    },
    endComposing: () => {
      editor.composing = false;
      settleComposition(editor);
      gate.release(editor);
    },
  };
  const attached = binding.attach(editor);
  doc.on("afterTransaction", (transaction: Y.Transaction) => {
    if (transaction.origin !== binding.origin) return;
    const before = transaction.beforeState.get(client) ?? 0;
    const after = transaction.afterState.get(client) ?? 0;
    for (let clock = before; clock < after; clock++) typed.add(nameOf({ client, clock }));
    for (const name of deletedBefore(transaction)) if (!aimed.has(name)) collateral.push(name);
  });
  return editor;
}

/** Units that stood before the transaction and that it deleted. */
function deletedBefore(transaction: Y.Transaction): string[] {
  const names: string[] = [];
  Y.iterateDeletedStructs(transaction, transaction.deleteSet, (struct) => {
    if (!(struct instanceof Y.Item) || !struct.countable) return;
    const { client, clock } = struct.id;
    const stood = transaction.beforeState.get(client) ?? 0;
    for (let index = 0; index < struct.length && clock + index < stood; index++) {
      names.push(nameOf({ client, clock: clock + index }));
    }
  });
  return names;
}

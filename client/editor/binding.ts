import { Slice } from "@tiptap/pm/model";
import { type EditorState, Plugin, TextSelection, type Transaction } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import type * as Y from "yjs";
import {
  type BindingState,
  bindingKey,
  initialState,
  isRemote,
  type Link,
  markTransaction,
  nextState,
  transactionsSince,
} from "./binding-state.ts";
import { type Attributes, textDelta } from "./delta.ts";
import { applyDelta } from "./delta-to-steps.ts";
import { documentFromDelta } from "./document-from-delta.ts";
import { insertedRanges, normalise, withoutStoredRun } from "./normalise.ts";
import { outgoingDeltas } from "./outgoing.ts";
import { flatLength, offsetAt, positionAt } from "./positions.ts";
import { mapSelection, readDomSelection } from "./selection.ts";

/** What the binding needs of an editor; an `EditorView` is one. */
export interface EditorHost {
  readonly state: EditorState;
  readonly composing?: boolean;
  dispatch: (transaction: Transaction) => void;
}

export interface BindingOptions {
  text: Y.Text;
  /** Wraps the drawing of a remote change, e.g. to hold the scroll position. Must call `draw`. */
  aroundRemote?: (transaction: Transaction, draw: () => void) => void;
  /** Compares the whole rendering after each change, not its length alone: for development. */
  verify?: boolean;
}

/** An editor bound to a flat text: remote changes become steps, local steps become operations. */
export interface Binding {
  readonly plugin: Plugin<BindingState>;
  /** Origin of the Yjs transactions that carry this editor's own changes. */
  readonly origin: object;
  /** How often the editor had to be drawn anew because it differed from its text; 0 is right. */
  readonly healed: number;
  /** See AttachedBinding; does nothing while no host is bound. */
  send: (next: EditorState) => void;
  /** Binds `host`; an editor view does it by itself, through the plugin. */
  attach: (host: EditorHost) => AttachedBinding;
}

export interface AttachedBinding {
  /**
   * Replays the local transactions of `next`, the state that the host is about to take and draw: the
   * others wait for the words, and drawing them takes longer than writing them. `update` must follow.
   */
  send: (next: EditorState) => void;
  /** Replays local transactions into the text; to be called after each change of the host's state. */
  update: () => void;
  destroy: () => void;
}

/** Binds an editor with the manuscript's schema to `text`. */
export function createBinding(options: BindingOptions): Binding {
  const origin = { binding: true };
  let host: EditorHost | null = null;
  let bound: AttachedBinding | null = null;
  let healed = 0;

  const attach = (attached: EditorHost): AttachedBinding => {
    const session = createSession(attached, options, origin, () => healed++);
    host = attached;
    bound = {
      send: session.send,
      update: session.local,
      destroy: () => {
        session.detach();
        if (host !== attached) return;
        host = null;
        bound = null;
      },
    };
    return bound;
  };
  const isComposing = () => host?.composing ?? false;

  const plugin = new Plugin<BindingState>({
    key: bindingKey,
    state: {
      init: () => initialState,
      apply: (transaction, state) => nextState(state, transaction, isComposing()),
    },
    appendTransaction: (transactions, _before, state) =>
      isComposing() ? null : mend(transactions, state),
    view: (view: EditorView) => attach(view),
  });
  return {
    plugin,
    origin,
    attach,
    send: (next) => bound?.send(next),
    get healed() {
      return healed;
    },
  };
}

/** Lets what a composition put in be normalised, now that it has ended. */
export function settleComposition(host: EditorHost): void {
  const composed = bindingKey.getState(host.state)?.composed ?? [];
  if (composed.length > 0 && !host.composing) host.dispatch(host.state.tr);
}

function mend(transactions: readonly Transaction[], state: EditorState): Transaction | null {
  const composed = bindingKey.getState(state)?.composed ?? [];
  const local = insertedRanges(transactions.filter((transaction) => !isRemote(transaction)));
  const mended = normalise(state, [...composed, ...local]);
  if (composed.length > 0) return markTransaction(mended ?? state.tr, "composed-settled");
  return mended ?? withoutStoredRun(state) ?? null;
}

/** The two directions for one attached editor. */
function createSession(
  host: EditorHost,
  { text, aroundRemote, verify }: BindingOptions,
  origin: object,
  onHeal: () => void,
) {
  let synced: Link = linkOf(host.state);
  let attached = true;
  let sending = false;
  /** What has been sent is not drawn yet, so nothing could be compared. */
  let unseen = false;
  /** Yjs's clean-up of formatting has changed the text between sending and drawing. */
  let overtaken = false;

  const draw = (transaction: Transaction) => {
    const dispatch = () => host.dispatch(markTransaction(transaction, "remote"));
    if (aroundRemote === undefined) dispatch();
    else aroundRemote(transaction, dispatch);
  };
  const heal = () => {
    // What a composition puts into a run's text shows its colour until the composition has ended.
    const whole = ((verify ?? false) || overtaken) && !host.composing;
    if (whole) overtaken = false;
    if (agrees(host.state, text, whole)) return;
    onHeal();
    draw(redrawn(host.state, text));
  };
  const remote = (event: Y.YTextEvent, { origin: author }: Y.Transaction) => {
    if (author === origin) return;
    if (sending) {
      overtaken ||= event.delta.length > 0;
      return;
    }
    const delta = textDelta(event.delta);
    if (delta.length > 0) {
      readDomSelection(host);
      const { state } = host;
      const transaction = applyDelta(state.tr, delta, (offset) => attributesAt(text, offset));
      if (transaction.docChanged) {
        mapSelection(transaction, state);
        draw(transaction);
      }
    }
    heal();
  };
  const send = (next: EditorState) => {
    const link = linkOf(next);
    const transactions = transactionsSince(link, synced);
    synced = link;
    link.previous = null;
    if (transactions.length === 0) return;
    unseen = true;
    sending = true;
    try {
      for (const deltas of outgoingDeltas(transactions, text.length)) {
        text.doc?.transact(() => {
          for (const delta of deltas) text.applyDelta(delta);
        }, origin);
      }
    } finally {
      sending = false;
    }
  };
  const local = () => {
    send(host.state);
    if (!unseen) return;
    unseen = false;
    heal();
  };
  const detach = () => {
    attached = false;
    text.unobserve(remote);
  };
  text.observe(remote);
  if (!agrees(host.state, text, true)) {
    // A view cannot dispatch while its plugins are being made.
    queueMicrotask(() => attached && draw(redrawn(host.state, text)));
  }
  return { send, local, detach };
}

function attributesAt(text: Y.Text, offset: number): Attributes {
  let at = 0;
  for (const { insert = "", attributes = {} } of textDelta(text.toDelta())) {
    at += insert.length;
    if (offset < at) return attributes;
  }
  return {};
}

function linkOf(state: EditorState): Link {
  const current = bindingKey.getState(state);
  if (current === undefined) throw new Error("The editor was made without its binding's plugin");
  return current.link;
}

/** Whether the editor shows what the text holds; by length alone unless `whole`. */
function agrees(state: EditorState, text: Y.Text, whole: boolean): boolean {
  if (whole) return documentFromDelta(state.schema, textDelta(text.toDelta())).eq(state.doc);
  const surplus = flatLength(state.doc) - text.length;
  return surplus === 0 || (surplus === 1 && !text.toJSON().endsWith("\n"));
}

/** Draws the whole text anew, with the caret at the same offset. */
function redrawn(state: EditorState, text: Y.Text): Transaction {
  const doc = documentFromDelta(state.schema, textDelta(text.toDelta()));
  const offset = offsetAt(state.doc, state.selection.head);
  const { tr } = state;
  tr.replace(0, state.doc.content.size, new Slice(doc.content, 0, 0));
  const caret = positionAt(tr.doc, Math.min(offset, Math.max(0, flatLength(tr.doc) - 1)));
  return tr.setSelection(TextSelection.near(tr.doc.resolve(caret)));
}

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { messageTypes, sharedTypes, syncMessageTypes, syncQuery } from "#shared/sync-protocol.ts";
import { type CompositionGate, createCompositionGate } from "./composition-gate.ts";
import { createFramePace, type FramePace } from "./frame-pace.ts";
import { observedSocket } from "./observed-socket.ts";
import type { OfflineCopy, OfflineCopyKey } from "./offline-copy.ts";
import { createSaveLedger, type SaveLedger, type StateVector } from "./save-ledger.ts";
import { createThrottle } from "./throttle.ts";

const rememberIntervalMs = 500;
/** A browser whose storage does not answer joins without its copy. */
const copyPatienceMs = 1500;

/** One copy of the document with its connection; a refused copy is replaced by a new one. */
export interface Replica {
  readonly doc: Y.Doc;
  readonly body: Y.Text;
  readonly title: Y.Text;
  readonly awareness: Awareness;
  readonly gate: CompositionGate;
  readonly pace: FramePace;
  readonly ledger: SaveLedger;
  readonly link: "connecting" | "synced" | "offline";
  /** Whether the server has asked for what we wrote: it asks writers alone. */
  readonly asked: boolean;
  /** True once there is something true to show: the first sync, or the offline copy while offline. */
  readonly ready: boolean;
  /** Resolves once the offline copy, if there is one, is in `doc`. */
  readonly loaded: Promise<void>;
  /** Makes the next replica of this document start without this one's offline copy. */
  abandon: () => void;
  /** Closes, and deletes the offline copy. */
  drop: () => Promise<void>;
  close: () => Promise<void>;
}

export interface ReplicaOptions extends OfflineCopyKey {
  /** `ws(s)://host/sync` */
  syncUrl: string;
  openOfflineCopy: ((key: OfflineCopyKey, doc: Y.Doc) => OfflineCopy) | undefined;
  webSocket: typeof WebSocket;
  isOnline: () => boolean;
  /** Something that the replica shows has changed. */
  onChange: () => void;
  /** The server closed the connection for good. */
  onRefused: (code: number) => void;
}

/** Joins the document with a new Y.Doc. */
export function createReplica(options: ReplicaOptions): Replica {
  const { onChange } = options;
  const doc = new Y.Doc();
  const ledger = createSaveLedger();
  const gate = createCompositionGate();
  // Before the copy: a key is on its way to the others before this browser stores it.
  const provider = connect(options, doc, ledger, () => changed());
  const copy = options.openOfflineCopy?.(options, doc);
  const { awareness } = provider;
  const body = doc.getText(sharedTypes.body);
  const pace = createFramePace({ doc, text: body, awareness, gate, origin: provider });
  let failed = false;
  let copyLoaded = false;
  let ready = false;
  let asked = false;
  let closed = false;

  const remember = createThrottle(rememberIntervalMs, () => copy?.remember(ledger.durable));
  const allCommitted = () => provider.synced && asked && ledger.settled;
  copy?.keepLastWords(() => ({ durable: ledger.durable, unsent: !allCommitted() }));

  const changed = () => {
    if (closed) return;
    if (provider.synced) remember.request();
    if (allCommitted()) copy?.forgetLastWords();
    const offline = failed || !options.isOnline();
    ready ||= provider.synced || (offline && copyLoaded && doc.store.clients.size > 0);
    onChange();
  };
  guardIncoming(
    provider,
    { gate, pace },
    {
      onAsked: (serverState) => {
        asked = true;
        ledger.serverHas(serverState);
      },
      onAcknowledged: (frames) => {
        ledger.acknowledged(frames);
        changed();
      },
    },
  );
  provider.on("status", ({ status }) => {
    if (status === "connected") ledger.connected();
    changed();
  });
  provider.on("connection-close", () => {
    failed = true;
    ledger.disconnected();
    changed();
  });
  provider.on("sync", (synced) => {
    if (synced) failed = false;
    changed();
  });
  provider.on("closed", ({ code }) => options.onRefused(code));
  doc.on("afterTransaction", (transaction: Y.Transaction) => {
    if (transaction.origin === provider) ledger.serverHas(clocksMoved(transaction));
  });
  doc.on("update", (_update: Uint8Array, origin: unknown, _doc: Y.Doc, { local }) => {
    if (local && origin !== provider) ledger.changed();
    changed();
  });
  const join = () => {
    clearTimeout(patience);
    if (!closed) provider.connect();
  };
  const patience = setTimeout(join, copyPatienceMs);
  const loaded = Promise.resolve(copy?.loaded).then((durable) => {
    copyLoaded = durable !== undefined;
    ledger.serverHas(durable ?? new Map());
    join();
    changed();
  });
  const close = async (end: (() => Promise<void>) | undefined) => {
    if (closed) return;
    closed = true;
    clearTimeout(patience);
    remember.cancel();
    pace.close();
    // What was acknowledged a moment ago must not pass for unsent words later.
    if (allCommitted()) copy?.remember(ledger.durable);
    provider.destroy();
    await end?.();
    doc.destroy();
  };
  return {
    doc,
    body,
    title: doc.getText(sharedTypes.title),
    awareness,
    gate,
    pace,
    ledger,
    get link() {
      if (provider.synced) return "synced";
      return failed || !options.isOnline() ? "offline" : "connecting";
    },
    get ready() {
      return ready;
    },
    get asked() {
      return asked;
    },
    loaded,
    abandon: () => copy?.abandon(),
    drop: () => close(copy?.drop),
    close: () => close(copy?.close),
  };
}

function connect(
  options: ReplicaOptions,
  doc: Y.Doc,
  ledger: SaveLedger,
  onSent: () => void,
): WebsocketProvider {
  return new WebsocketProvider(options.syncUrl, options.documentId, doc, {
    // A BroadcastChannel would carry edits between tabs around the server's checks.
    disableBc: true,
    // Joining with the offline copy in hand sends only what the server lacks.
    connect: options.openOfflineCopy === undefined,
    params: {
      [syncQuery.acknowledge]: "1",
      [syncQuery.restoreEpoch]: String(options.restoreEpoch),
      [syncQuery.account]: options.accountId,
    },
    WebSocketPolyfill: observedSocket(options.webSocket, (frame) => {
      if (frame === "other") return;
      ledger.sent(stateOf(doc));
      onSent();
    }),
  });
}

interface Heard {
  /** The server has this much, and asks for the rest. */
  onAsked: (serverState: StateVector) => void;
  onAcknowledged: (frames: number) => void;
}

/** What a frame may have to wait for. */
interface Ways {
  gate: CompositionGate;
  pace: FramePace;
}

/** Puts the gate and the pace before the document, and reads what the server says that it has. */
function guardIncoming(provider: WebsocketProvider, ways: Ways, heard: Heard) {
  const handlers = provider.messageHandlers;
  const applySync = handlers[messageTypes.sync];
  if (applySync === undefined) throw new Error("y-websocket has no handler for sync frames");
  handlers[messageTypes.sync] = (encoder, decoder, from, emitSynced, type) => {
    const ahead = decoding.clone(decoder);
    const kind = decoding.readVarUint(ahead);
    if (kind === syncMessageTypes.step1) {
      heard.onAsked(Y.decodeStateVector(decoding.readVarUint8Array(ahead)));
      applySync(encoder, decoder, from, emitSynced, type);
      return;
    }
    const socket = provider.ws;
    // Steps 2 and updates have no answer, so what the handler writes for one goes nowhere.
    const apply = () => {
      const current = socket === provider.ws;
      applySync(encoding.createEncoder(), decoder, from, emitSynced && current, type);
    };
    if (kind === syncMessageTypes.update) ways.pace.take(decoding.readVarUint8Array(ahead), apply);
    else ways.gate.pass(apply);
  };
  handlers[messageTypes.saved] = (_encoder, decoder) => {
    heard.onAcknowledged(decoding.readVarUint(decoder));
  };
}

function clocksMoved({ beforeState, afterState }: Y.Transaction): Map<number, number> {
  const moved = [...afterState].filter(([client, clock]) => clock > (beforeState.get(client) ?? 0));
  return new Map(moved);
}

function stateOf(doc: Y.Doc): Map<number, number> {
  return Y.decodeStateVector(Y.encodeStateVector(doc));
}

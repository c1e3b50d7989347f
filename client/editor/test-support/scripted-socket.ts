import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";

/** The server's end of one connection; the test decides what it says and when. */
export interface ScriptedLine {
  readonly url: string;
  /** Updates that came in step 2 and update frames, oldest first. */
  readonly received: readonly Uint8Array[];
  open: () => void;
  /** Answers as a server with this document does: its step 2, then, to a writer, its own step 1. */
  sync: (doc: Y.Doc, to?: "writer" | "watcher") => void;
  update: (update: Uint8Array) => void;
  saved: (frames: number) => void;
  close: (code: number) => void;
}

/** A `WebSocket` class without a network, and the lines that were opened with it. */
export function createScriptedSockets(): { webSocket: typeof WebSocket; lines: ScriptedLine[] } {
  const lines: ScriptedLine[] = [];
  class ScriptedSocket {
    readonly OPEN = 1;
    readonly url: string;
    binaryType = "blob";
    readyState = 0;
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;
    onerror: (() => void) | null = null;
    readonly received: Uint8Array[] = [];

    constructor(url: string) {
      this.url = url;
      lines.push(lineOf(this));
    }
    send(frame: Uint8Array) {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== messageTypes.sync) return;
      const type = decoding.readVarUint(decoder);
      if (type !== syncMessageTypes.step1) this.received.push(decoding.readVarUint8Array(decoder));
    }
    close() {
      this.readyState = 3;
    }
    deliver(write: (encoder: encoding.Encoder) => void) {
      this.onmessage?.({ data: encoding.encode(write).slice().buffer });
    }
  }
  function lineOf(socket: ScriptedSocket): ScriptedLine {
    const syncFrame = (type: number, bytes: Uint8Array) =>
      socket.deliver((encoder) => {
        encoding.writeVarUint(encoder, messageTypes.sync);
        encoding.writeVarUint(encoder, type);
        encoding.writeVarUint8Array(encoder, bytes);
      });
    return {
      url: socket.url,
      received: socket.received,
      open: () => {
        socket.readyState = 1;
        socket.onopen?.();
      },
      sync: (doc, to = "writer") => {
        syncFrame(syncMessageTypes.step2, Y.encodeStateAsUpdate(doc));
        if (to === "writer") syncFrame(syncMessageTypes.step1, Y.encodeStateVector(doc));
      },
      update: (update) => syncFrame(syncMessageTypes.update, update),
      saved: (frames) =>
        socket.deliver((encoder) => {
          encoding.writeVarUint(encoder, messageTypes.saved);
          encoding.writeVarUint(encoder, frames);
        }),
      close: (code) => {
        socket.readyState = 3;
        socket.onclose?.({ code, reason: "" });
      },
    };
  }
  // The part of a WebSocket that y-websocket uses.
  return { webSocket: ScriptedSocket as unknown as typeof WebSocket, lines };
}

/** A `Storage` that lives as long as the test. */
export function createMemoryStorage(): Storage {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    clear: () => values.clear(),
    getItem: (key) => values.get(key) ?? null,
    key: (index) => [...values.keys()][index] ?? null,
    removeItem: (key) => void values.delete(key),
    setItem: (key, value) => void values.set(key, value),
  };
}

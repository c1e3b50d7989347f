import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";
import { DecodingError, readBytes, readClientId, readNumber, readText } from "./strict-decoding.ts";

/** What a client may send. The bytes are views of the frame. */
export type ClientFrame =
  | { kind: "step1"; stateVector: Uint8Array }
  | { kind: "step2"; update: Uint8Array }
  | { kind: "update"; update: Uint8Array }
  | { kind: "awareness"; payload: Uint8Array }
  | { kind: "queryAwareness" };

/** Undefined where the bytes are not a frame of the protocol, down to the last one. */
export function decodeFrame(bytes: Uint8Array): ClientFrame | undefined {
  try {
    const decoder = decoding.createDecoder(bytes);
    const frame = readFrame(decoder);
    return decoding.hasContent(decoder) ? undefined : frame;
  } catch {
    return undefined;
  }
}

function readFrame(decoder: decoding.Decoder): ClientFrame | undefined {
  switch (readNumber(decoder)) {
    case messageTypes.sync:
      return readSyncFrame(decoder);
    case messageTypes.awareness:
      return { kind: "awareness", payload: readBytes(decoder) };
    case messageTypes.queryAwareness:
      return { kind: "queryAwareness" };
    default:
      return undefined;
  }
}

function readSyncFrame(decoder: decoding.Decoder): ClientFrame | undefined {
  const type = readNumber(decoder);
  const payload = readBytes(decoder);
  switch (type) {
    case syncMessageTypes.step1:
      return { kind: "step1", stateVector: payload };
    case syncMessageTypes.step2:
      return { kind: "step2", update: payload };
    case syncMessageTypes.update:
      return { kind: "update", update: payload };
    default:
      return undefined;
  }
}

export const step1Frame = (stateVector: Uint8Array): Uint8Array =>
  syncFrame(syncMessageTypes.step1, stateVector);

export const step2Frame = (update: Uint8Array): Uint8Array =>
  syncFrame(syncMessageTypes.step2, update);

export const updateFrame = (update: Uint8Array): Uint8Array =>
  syncFrame(syncMessageTypes.update, update);

function syncFrame(type: number, payload: Uint8Array): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, messageTypes.sync);
    encoding.writeVarUint(encoder, type);
    encoding.writeVarUint8Array(encoder, payload);
  });
}

/** Message 100: how many of the connection's step-2 and update frames are committed so far. */
export function savedFrame(count: number): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, messageTypes.saved);
    encoding.writeVarUint(encoder, count);
  });
}

/** One client's entry in an awareness frame; a null state says that it has gone. */
export interface AwarenessEntry {
  clientId: number;
  clock: number;
  /** JSON. */
  state: string;
}

export function awarenessFrame(entries: readonly AwarenessEntry[]): Uint8Array {
  const payload = encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, entries.length);
    for (const { clientId, clock, state } of entries) {
      encoding.writeVarUint(encoder, clientId);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, state);
    }
  });
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, messageTypes.awareness);
    encoding.writeVarUint8Array(encoder, payload);
  });
}

/** Throws where the payload is not a list of entries, down to the last byte. */
export function decodeAwareness(payload: Uint8Array): AwarenessEntry[] {
  const decoder = decoding.createDecoder(payload);
  const entries: AwarenessEntry[] = [];
  for (let left = readNumber(decoder); left > 0; left--) {
    const clientId = readClientId(decoder);
    const clock = readNumber(decoder);
    entries.push({ clientId, clock, state: readText(decoder) });
  }
  if (decoding.hasContent(decoder)) throw new DecodingError("bytes after the end");
  return entries;
}

/** Whether the bytes are a state vector: client ids, each once, and clocks. */
export function isStateVector(bytes: Uint8Array): boolean {
  try {
    const decoder = decoding.createDecoder(bytes);
    const clients = new Set<number>();
    const count = readNumber(decoder);
    for (let left = count; left > 0; left--) {
      clients.add(readClientId(decoder));
      readNumber(decoder);
    }
    return clients.size === count && !decoding.hasContent(decoder);
  } catch {
    return false;
  }
}

/** An awareness frame about nobody: y-websocket counts it as a sign of life and answers nothing. */
export const keepAliveFrame = awarenessFrame([]);

import * as encoding from "lib0/encoding";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";
import { decodeFrame } from "../../server/sync/frames.ts";
import type { Random } from "./random.ts";

/** What mutations draw from. */
export interface Material {
  random: Random;
  frames: readonly Uint8Array[];
  /** Ids that mean something in the document: the victim's, the server's, one's own. */
  clientIds: readonly number[];
}

/** A frame made of real ones; often with sound lengths around what was bent, to be read to the end. */
export function mutate(material: Material): Uint8Array {
  const { random, frames } = material;
  const frame = random.pick(frames);
  const dice = random.next();
  // A replay, as another account's or in another order.
  if (dice < 0.12) return frame;
  if (dice < 0.18) return concat(frame, random.pick(frames));
  if (dice < 0.3) return bend(frame, material);
  const content = contentOf(frame);
  if (content === undefined) return bend(frame, material);
  const times = 1 + random.below(3);
  let { payload } = content;
  for (let time = 0; time < times; time++) payload = bend(payload, material);
  return withHeader(random.chance(0.05) ? random.below(5) : content.type, content.inner, payload);
}

type Bend = (bytes: Uint8Array, material: Material) => Uint8Array;

const bends: readonly Bend[] = [
  function flipBit(bytes, { random }) {
    const place = random.below(bytes.length);
    return withByte(bytes, place, (bytes[place] ?? 0) ^ (1 << random.below(8)));
  },
  (bytes, { random }) => withByte(bytes, random.below(bytes.length), random.below(256)),
  function swapClientId(bytes, { random, clientIds }) {
    const from = varUint(random.pick(clientIds));
    const at = Buffer.from(bytes).indexOf(from, random.below(bytes.length));
    return at < 0 ? bytes : replace(bytes, at, from.length, varUint(random.pick(clientIds)));
  },
  function changeNumber(bytes, { random }) {
    const at = random.below(bytes.length);
    let end = at;
    while (end < bytes.length && (bytes[end] ?? 0) >= 128) end++;
    return replace(bytes, at, end + 1 - at, random.pick(numbers));
  },
  function changeByOne(bytes, { random }) {
    const place = random.below(bytes.length);
    return withByte(bytes, place, (bytes[place] ?? 0) + (random.chance(0.5) ? 1 : -1));
  },
  (bytes, { random }) => bytes.slice(0, random.below(bytes.length)),
  (bytes, { random }) => bytes.slice(random.below(bytes.length)),
  function splice(bytes, { random, frames }) {
    const other = random.pick(frames);
    const from = random.below(other.length);
    const piece = other.slice(from, from + 1 + random.below(40));
    return replace(bytes, random.below(bytes.length + 1), random.below(8), piece);
  },
  function repeatPiece(bytes, { random }) {
    const from = random.below(bytes.length);
    const piece = bytes.slice(from, from + 1 + random.below(20));
    return replace(bytes, from, 0, concat(...Array<Uint8Array>(1 + random.below(20)).fill(piece)));
  },
  function leaveOut(bytes, { random }) {
    return replace(bytes, random.below(bytes.length), 1 + random.below(8), new Uint8Array());
  },
  function addNoise(bytes, { random }) {
    return concat(
      bytes,
      Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256)),
    );
  },
  function putWord(bytes, { random }) {
    return replace(bytes, random.below(bytes.length), 0, Buffer.from(random.pick(words)));
  },
];

function bend(bytes: Uint8Array, material: Material): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(material.random.below(256));
  return material.random.pick(bends)(bytes, material);
}

/** Where numbers turn over, and ways to write them that nobody uses. */
const numbers: readonly Uint8Array[] = [
  ...[0, 1, 127, 128, 255, 256, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 31].map(varUint),
  ...[2 ** 32 - 1, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER].map(varUint),
  Uint8Array.of(0x80, 0x00),
  Uint8Array.from([...Array<number>(160).fill(0x80), 0]),
  Uint8Array.from(Array<number>(12).fill(0xff)),
];

const words = [
  '{"__proto__":{"polluted":1}}',
  '{"user":{"id":"ann"},"cursor":[],"composing":"yes"}',
  "body",
  "title",
  "run",
  '"no-run"',
  "\0",
  "\ud83d",
];

function contentOf(frame: Uint8Array) {
  const decoded = decodeFrame(frame);
  switch (decoded?.kind) {
    case "step1":
      return {
        type: messageTypes.sync,
        inner: syncMessageTypes.step1,
        payload: decoded.stateVector,
      };
    case "step2":
      return { type: messageTypes.sync, inner: syncMessageTypes.step2, payload: decoded.update };
    case "update":
      return { type: messageTypes.sync, inner: syncMessageTypes.update, payload: decoded.update };
    case "awareness":
      return { type: messageTypes.awareness, inner: undefined, payload: decoded.payload };
    case "queryAwareness":
    case undefined:
      return undefined;
  }
}

function withHeader(type: number, inner: number | undefined, payload: Uint8Array): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    if (inner !== undefined) encoding.writeVarUint(encoder, inner);
    encoding.writeVarUint8Array(encoder, payload);
  });
}

function varUint(number: number): Uint8Array {
  return encoding.encode((encoder) => encoding.writeVarUint(encoder, number));
}

function withByte(bytes: Uint8Array, place: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[place] = value;
  return changed;
}

function replace(bytes: Uint8Array, at: number, length: number, piece: Uint8Array): Uint8Array {
  return concat(bytes.slice(0, at), piece, bytes.slice(at + length));
}

function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

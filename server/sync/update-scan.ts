import * as decoding from "lib0/decoding";
import { readByte, readBytes, readClientId, readNumber, readText } from "./strict-decoding.ts";

/** The kinds of struct in a V1 update that a flat text is made of (first five bits of its info). */
const kinds = { gc: 0, deleted: 1, string: 4, format: 6, skip: 10 } as const;

const info = { kind: 0b1_1111, parentSub: 1 << 5, rightOrigin: 1 << 6, origin: 1 << 7 } as const;

/** An attribute's name or its JSON value, a root type's name. */
const nameBytes = 256;

export interface ScanLimits {
  structs: number;
  deleteRanges: number;
  /** Characters of one struct: garbage-collected and deleted ones may claim any length for free. */
  structLength: number;
}

/** How an update is built, read without keeping anything of it. */
export interface UpdateScan {
  structs: number;
  deleteRanges: number;
  /** Where the delete set begins. */
  structBytes: number;
}

/** An update that is no update (`malformed`), or more than we take (`tooLarge`). */
export class UpdateShapeError extends Error {
  readonly reason: "malformed" | "tooLarge";

  constructor(reason: "malformed" | "tooLarge", message: string) {
    super(message);
    this.name = "UpdateShapeError";
    this.reason = reason;
  }
}

/**
 * Walks a V1 update in one pass and allocates nothing that grows with what the bytes claim, so that
 * a decoder may be let loose on it afterwards. Throws UpdateShapeError for a struct kind outside
 * the schema (nested types, embeds, subdocuments, binaries, any), for counts and lengths beyond the
 * limits or beyond the bytes, for a NUL, which no text has, for trailing bytes (so looks a V2 update), and for cut ones.
 */
export function scanUpdate(update: Uint8Array, limits: ScanLimits): UpdateScan {
  try {
    const decoder = decoding.createDecoder(update);
    const structs = scanStructs(decoder, limits);
    const structBytes = decoder.pos;
    const deleteRanges = scanDeleteSet(decoder, limits);
    if (decoding.hasContent(decoder)) throw malformed("bytes after the end");
    return { structs, deleteRanges, structBytes };
  } catch (error) {
    if (error instanceof UpdateShapeError) throw error;
    throw malformed("cut short");
  }
}

function scanStructs(decoder: decoding.Decoder, limits: ScanLimits): number {
  let total = 0;
  const seen = new Set<number>();
  for (let clients = readNumber(decoder); clients > 0; clients--) {
    const count = readNumber(decoder);
    total += count;
    if (total > limits.structs) throw tooLarge("too many structs");
    if (count === 0) throw malformed("a client without structs");
    const client = readClientId(decoder);
    // Yjs would keep the last list of a client alone, and wait for ever for what the others held.
    if (seen.has(client)) throw malformed("a client that comes twice");
    seen.add(client);
    let clock = readNumber(decoder);
    for (let left = count; left > 0; left--) {
      const length = scanStruct(decoder);
      if (length > limits.structLength) throw tooLarge("a struct is too long");
      clock += length;
    }
    if (clock > maxClock) throw tooLarge("a clock is too high");
  }
  return total;
}

/** Clocks stay in what V8 keeps as small integers. */
const maxClock = 2 ** 30;

function scanStruct(decoder: decoding.Decoder): number {
  const byte = readByte(decoder);
  const kind = byte & info.kind;
  if (kind === kinds.gc || kind === kinds.skip) return readLength(decoder);
  const hasOrigin = (byte & info.origin) !== 0;
  const hasRightOrigin = (byte & info.rightOrigin) !== 0;
  if (hasOrigin) skipId(decoder);
  if (hasRightOrigin) skipId(decoder);
  if (!hasOrigin && !hasRightOrigin) scanParent(decoder, (byte & info.parentSub) !== 0);
  switch (kind) {
    case kinds.deleted:
      return readLength(decoder);
    case kinds.string: {
      const text = readText(decoder);
      if (text.length === 0) throw malformed("an empty string");
      if (text.includes("\0")) throw malformed("a NUL in a text");
      return text.length;
    }
    case kinds.format:
      skipName(decoder);
      skipName(decoder);
      return 1;
    default:
      throw malformed("a kind of content outside the schema");
  }
}

function scanParent(decoder: decoding.Decoder, hasKey: boolean): void {
  if (readNumber(decoder) !== 1) throw malformed("a nested type");
  skipName(decoder);
  if (hasKey) throw malformed("a key in a text");
}

function scanDeleteSet(decoder: decoding.Decoder, limits: ScanLimits): number {
  let total = 0;
  for (let clients = readNumber(decoder); clients > 0; clients--) {
    readClientId(decoder);
    const count = readNumber(decoder);
    total += count;
    if (total > limits.deleteRanges) throw tooLarge("too many deletions");
    for (let left = count; left > 0; left--) {
      const clock = readNumber(decoder);
      if (clock + readLength(decoder) > maxClock) throw tooLarge("a deletion is too long");
    }
  }
  return total;
}

function readLength(decoder: decoding.Decoder): number {
  const length = readNumber(decoder);
  if (length === 0) throw malformed("an empty length");
  return length;
}

function skipId(decoder: decoding.Decoder): void {
  readClientId(decoder);
  readNumber(decoder);
}

function skipName(decoder: decoding.Decoder): void {
  if (readBytes(decoder).length > nameBytes) throw malformed("a name or value that is too long");
}

const malformed = (message: string) => new UpdateShapeError("malformed", message);
const tooLarge = (message: string) => new UpdateShapeError("tooLarge", message);

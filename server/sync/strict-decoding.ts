import * as decoding from "lib0/decoding";

/** Bytes that are not what they should be: cut short, too large, or written in a way nobody writes. */
export class DecodingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DecodingError";
  }
}

const maxBytes = 8;

/**
 * A whole number up to 2^53 − 1 in as few bytes as it takes. lib0 takes longer ones too, and makes
 * NaN of one with many leading zeros, which passes every comparison with a limit.
 */
export function readNumber(decoder: decoding.Decoder): number {
  const start = decoder.pos;
  const end = Math.min(decoder.arr.length, start + maxBytes);
  let number = 0;
  let factor = 1;
  while (decoder.pos < end) {
    const byte = decoder.arr[decoder.pos++] ?? 0;
    number += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte >= 0x80) continue;
    if (byte === 0 && decoder.pos - start > 1) throw new DecodingError("a number that is padded");
    if (number > Number.MAX_SAFE_INTEGER) throw new DecodingError("a number that is too large");
    return number;
  }
  throw new DecodingError("a number that does not end");
}

/** One byte. */
export function readByte(decoder: decoding.Decoder): number {
  const byte = decoder.arr[decoder.pos++];
  if (byte === undefined) throw new DecodingError("cut short");
  return byte;
}

/** A view of so many bytes as the number before them says. */
export function readBytes(decoder: decoding.Decoder): Uint8Array {
  const length = readNumber(decoder);
  if (length > decoder.arr.length - decoder.pos) throw new DecodingError("cut short");
  return decoding.readUint8Array(decoder, length);
}

/** Text of valid UTF-8, which has no half of a surrogate pair. Throws for anything else. */
export function readText(decoder: decoding.Decoder): string {
  return utf8.decode(readBytes(decoder));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Client ids are random numbers of 32 bits. */
export function readClientId(decoder: decoding.Decoder): number {
  const id = readNumber(decoder);
  if (id > 0xffff_ffff) throw new DecodingError("a client id beyond 32 bits");
  return id;
}

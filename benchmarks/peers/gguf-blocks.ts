/** How GGUF stores a tensor; the numbers are ggml's types. */
export const ggufTypes = { f32: 0, q4_0: 2, q8_0: 8 } as const;
export type GgufType = keyof typeof ggufTypes;

const blockLength = 32;
const blockBytes = { q4_0: 2 + blockLength / 2, q8_0: 2 + blockLength } as const;

/** Bytes that so many values take; rows are whole blocks. */
export function ggufBytes(values: number, type: GgufType): number {
  return type === "f32" ? 4 * values : (values / blockLength) * blockBytes[type];
}

/** Writes values in one of the types, as ggml's reference quantisation does. */
export function encodeGguf(values: Float32Array, type: GgufType): Uint8Array {
  if (type === "f32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(ggufBytes(values.length, type));
  const write = type === "q8_0" ? writeBlock8 : writeBlock4;
  for (let block = 0; block < values.length / blockLength; block++) {
    const from = block * blockLength;
    const target = bytes.subarray(block * blockBytes[type], (block + 1) * blockBytes[type]);
    write(values.subarray(from, from + blockLength), target);
  }
  return bytes;
}

/** A scale as half float, then 32 signed bytes. */
function writeBlock8(values: Float32Array, target: Uint8Array): void {
  const scale = Math.abs(largestOf(values)) / 127;
  writeHalf(target, scale);
  for (let i = 0; i < blockLength; i++) {
    target[2 + i] = scale === 0 ? 0 : Math.round((values[i] ?? 0) / scale);
  }
}

/** A scale as half float, then 32 values of four bits: the first 16 in the low halves. */
function writeBlock4(values: Float32Array, target: Uint8Array): void {
  const scale = largestOf(values) / -8;
  writeHalf(target, scale);
  const quantised = (i: number) =>
    scale === 0 ? 8 : Math.min(15, Math.floor((values[i] ?? 0) / scale + 8.5));
  for (let i = 0; i < blockLength / 2; i++) {
    target[2 + i] = quantised(i) | (quantised(i + blockLength / 2) << 4);
  }
}

/** The value that is furthest from zero. */
function largestOf(values: Float32Array): number {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest;
}

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** IEEE 754 binary16, rounded to nearest; scales are neither huge nor infinite. */
function writeHalf(target: Uint8Array, value: number): void {
  word[0] = value;
  const whole = bits[0] ?? 0;
  const rounded = ((whole & 0x7fffffff) + 0x1000) >>> 13;
  // Half floats count exponents from 15, floats from 127; below the smallest normal one is zero.
  const half = rounded <= (112 << 10) + 0x3ff ? 0 : rounded - (112 << 10);
  const signed = half | ((whole >>> 16) & 0x8000);
  target[0] = signed & 0xff;
  target[1] = signed >> 8;
}

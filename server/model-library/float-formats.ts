/** Number formats of weights that can be imported, as safetensors names them. */
export const floatFormats = ["F32", "F16", "BF16"] as const;
export type FloatFormat = (typeof floatFormats)[number];

/** What one value takes in the file. */
export function bytesPerValue(format: FloatFormat): number {
  return format === "F32" ? 4 : 2;
}

/**
 * Little-endian values of any of the formats as 32-bit floats; each conversion is exact. `bytes`
 * begins on a multiple of 4 in its buffer; the values may be a view of it.
 */
export function decodeFloats(bytes: Uint8Array, format: FloatFormat): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (format === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  switch (format) {
    case "F16":
      return fromHalves(halves);
    case "BF16":
      return fromBrainFloats(halves);
    default:
      return format satisfies never;
  }
}

/** bfloat16 is the upper half of a 32-bit float. */
function fromBrainFloats(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

function fromHalves(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) values[i] = fromHalf(halves[i] ?? 0);
  return values;
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * (powers[exponent] ?? NaN);
}

/** 2 to the exponent that 5 bits stand for. */
const powers = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (exponent - 15));

/** Number formats of weights that can be imported, as safetensors names them. */
export const floatFormats = ["F32", "F16", "BF16"] as const;
export type FloatFormat = (typeof floatFormats)[number];

/** Little-endian values of any of the formats as 32-bit floats; each conversion is exact. */
export function decodeFloats(bytes: Uint8Array, format: FloatFormat): Float32Array {
  const aligned = Uint8Array.from(bytes).buffer;
  switch (format) {
    case "F32":
      return new Float32Array(aligned);
    case "F16":
      return Float32Array.from(new Uint16Array(aligned), fromHalf);
    case "BF16":
      return fromBrainFloats(new Uint16Array(aligned));
    default:
      return format satisfies never;
  }
}

/** bfloat16 is the upper half of a 32-bit float. */
function fromBrainFloats(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

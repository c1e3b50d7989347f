import { open } from "node:fs/promises";
import type { WeightLocation } from "../../server/model-library/onnx-graph.ts";

/** A tensor that the graphs of a peer take from the file beside them. */
export interface StoredWeight {
  name: string;
  shape: readonly number[];
  values: Float32Array | Int8Array;
}

const alignment = 64;

/** Writes tensors one after another and says where each one lies. */
export async function writeOnnxWeights(
  path: string,
  weights: AsyncIterable<StoredWeight>,
): Promise<Map<string, WeightLocation>> {
  const locations = new Map<string, WeightLocation>();
  const file = await open(path, "w");
  try {
    let offset = 0;
    for await (const { name, shape, values } of weights) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.length - written;
        written += (await file.write(bytes, written, rest, offset + written)).bytesWritten;
      }
      const type = values instanceof Int8Array ? "int8" : "float32";
      locations.set(name, { type, shape, offset, length: bytes.length });
      offset = alignment * Math.ceil((offset + bytes.length) / alignment);
    }
  } finally {
    await file.close();
  }
  return locations;
}

/** Symmetric signed bytes with one scale for the whole tensor (quantize_dynamic's QInt8). */
export function quantise(values: Float32Array): { bytes: Int8Array; scale: number } {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const scale = largest === 0 ? 1 : largest / 127;
  const bytes = new Int8Array(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round((values[i] ?? 0) / scale);
  return { bytes, scale };
}

import { type FileHandle, open } from "node:fs/promises";
import type { ModelTensor } from "./gpt2-tensors.ts";
import type { WeightLocation } from "./onnx-graph.ts";
import { ModelRefusedError } from "./refusal.ts";
import type { Safetensors } from "./safetensors.ts";

const alignmentBytes = 64;

/** Writes the tensors one after another as 32-bit floats and says where each one lies. */
export async function writeWeights(
  path: string,
  source: Safetensors,
  tensors: readonly ModelTensor[],
): Promise<Map<string, WeightLocation>> {
  const locations = new Map<string, WeightLocation>();
  const file = await open(path, "wx");
  try {
    let offset = 0;
    for (const { name, shape, storedName } of tensors) {
      const values = await source.read(storedName);
      refuseNonFinite(storedName, values);
      await writeAll(file, new Uint8Array(values.buffer), offset);
      locations.set(name, { shape, offset, length: values.byteLength });
      offset = alignmentBytes * Math.ceil((offset + values.byteLength) / alignmentBytes);
    }
  } finally {
    await file.close();
  }
  return locations;
}

/** One write may take less than all of a large array. */
async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = bytes.length - written;
    written += (await file.write(bytes, written, rest, offset + written)).bytesWritten;
  }
}

function refuseNonFinite(name: string, values: Float32Array): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index === -1) return;
  throw new ModelRefusedError(
    `model.safetensors, tensor ${name}`,
    `value ${index} is ${values[index]}.`,
    "The model is damaged; get another copy.",
  );
}

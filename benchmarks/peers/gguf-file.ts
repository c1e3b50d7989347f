import { type FileHandle, open } from "node:fs/promises";
import { type GgufType, ggufBytes, ggufTypes } from "./gguf-blocks.ts";

/** A value of GGUF's metadata, with the type that it is stored as. */
export type GgufValue =
  | { u32: number }
  | { f32: number }
  | { bool: boolean }
  | { text: string }
  | { texts: readonly string[] }
  | { i32s: readonly number[] };

export interface GgufTensor {
  name: string;
  /** The fastest-running size first. */
  sizes: readonly number[];
  type: GgufType;
  bytes(): Promise<Uint8Array>;
}

const version = 3;
const alignment = 32;
const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9 } as const;

/** Writes a GGUF file, tensor by tensor (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
export async function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const file = await open(path, "w");
  try {
    const header = describe(metadata, tensors);
    await writeAll(file, header, 0);
    let position = aligned(header.length);
    for (const tensor of tensors) {
      const bytes = await tensor.bytes();
      await writeAll(file, bytes, position);
      position = aligned(position + bytes.length);
    }
    await file.truncate(position);
  } finally {
    await file.close();
  }
}

const aligned = (position: number) => alignment * Math.ceil(position / alignment);

function describe(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Uint8Array {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from("GGUF"), u32(version), u64(tensors.length), u64(entries.length)];
  for (const [key, value] of entries) parts.push(text(key), encodeValue(value));
  let offset = 0;
  for (const { name, sizes, type } of tensors) {
    parts.push(text(name), u32(sizes.length), ...sizes.map(u64), u32(ggufTypes[type]), u64(offset));
    offset += aligned(
      ggufBytes(
        sizes.reduce((a, b) => a * b, 1),
        type,
      ),
    );
  }
  return Buffer.concat(parts);
}

function encodeValue(value: GgufValue): Buffer {
  if ("u32" in value) return Buffer.concat([u32(valueTypes.u32), u32(value.u32)]);
  if ("f32" in value) {
    const number = Buffer.from(Float32Array.of(value.f32).buffer);
    return Buffer.concat([u32(valueTypes.f32), number]);
  }
  if ("bool" in value) return Buffer.concat([u32(valueTypes.bool), Buffer.of(Number(value.bool))]);
  if ("text" in value) return Buffer.concat([u32(valueTypes.text), text(value.text)]);
  if ("texts" in value) return array(valueTypes.text, value.texts.map(text));
  if ("i32s" in value) {
    return array(
      valueTypes.i32,
      value.i32s.map((number) => Buffer.from(Int32Array.of(number).buffer)),
    );
  }
  return value satisfies never;
}

function array(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(valueTypes.array), u32(type), u64(items.length), ...items]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}

function u64(value: number): Buffer {
  return Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
}

/** One write may take less than all of a large array. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = bytes.length - written;
    written += (await file.write(bytes, written, rest, position + written)).bytesWritten;
  }
}

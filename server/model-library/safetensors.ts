import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { bytesPerValue, decodeFloats, type FloatFormat, floatFormats } from "./float-formats.ts";
import { downloadAgain, ModelRefusedError } from "./refusal.ts";

/** One tensor in the file; offsets in bytes from the start of the file. */
export interface TensorEntry {
  format: FloatFormat;
  shape: readonly number[];
  begin: number;
  end: number;
}

/** An open, checked model.safetensors. */
export interface Safetensors {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** `count` values of a tensor from `first` on as 32-bit floats; they are good until the next read. */
  read(name: string, first: number, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}

const where = "model.safetensors";
const lengthBytes = 8;
const headerMaxBytes = 16 * 1024 * 1024;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()).max(8),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

/**
 * Opens a safetensors file and checks its whole table before any value is read: header size, JSON,
 * number formats, sizes against shapes, offsets inside the file, no overlaps and no gaps. Of tensors
 * that are `ignored` the format may be any, and they are no entries.
 */
export async function openSafetensors(
  path: string,
  ignored: (name: string) => boolean = () => false,
): Promise<Safetensors> {
  const file = await open(path, "r");
  try {
    const entries = await readTable(file, ignored);
    return {
      entries,
      read: createRead(file, entries),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** SHA-256 of a file, in hexadecimal; `hashed` hears of each piece, a signal stops it. */
export async function sha256File(
  path: string,
  hashed: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    signal?.throwIfAborted();
    const bytes = piece as Buffer; // read without an encoding
    hash.update(bytes);
    hashed(bytes.length);
  }
  return hash.digest("hex");
}

async function readTable(
  file: FileHandle,
  ignored: (name: string) => boolean,
): Promise<Map<string, TensorEntry>> {
  const { size } = await file.stat();
  const dataStart = lengthBytes + (await readHeaderLength(file, size));
  const header = await readHeader(file, dataStart - lengthBytes);
  const entries = new Map<string, TensorEntry>();
  const places = new Map<string, Place>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [begin, end] = data_offsets;
    const entry = { shape, begin: dataStart + begin, end: dataStart + end };
    checkPlace(name, entry, size);
    places.set(name, entry);
    if (!ignored(name)) entries.set(name, checkEntry(name, dtype, entry));
  }
  checkLayout(places, dataStart, size);
  return entries;
}

async function readHeaderLength(file: FileHandle, size: number): Promise<number> {
  if (size < lengthBytes) throw refusal("the file is cut off inside its first 8 bytes.");
  const length = (await readBytes(file, 0, lengthBytes)).readBigUInt64LE();
  if (length > BigInt(headerMaxBytes)) {
    throw refusal(`its header claims ${length} bytes; the most that is read is ${headerMaxBytes}.`);
  }
  if (BigInt(lengthBytes) + length > BigInt(size)) {
    throw refusal(`the file is cut off inside its header (${size} bytes are there).`);
  }
  return Number(length);
}

async function readHeader(file: FileHandle, length: number): Promise<z.infer<typeof headerSchema>> {
  try {
    const text = (await readBytes(file, lengthBytes, length)).toString("utf8");
    const { __metadata__: _, ...tensors } = z
      .record(z.string(), z.unknown())
      .parse(JSON.parse(text));
    return headerSchema.parse(tensors);
  } catch (cause) {
    throw refusal("its header is not a valid table of tensors.", cause);
  }
}

function checkEntry(name: string, dtype: string, entry: Place & { shape: number[] }): TensorEntry {
  const format = floatFormats.find((known) => known === dtype);
  if (format === undefined) {
    throw new ModelRefusedError(
      `${where}, tensor ${name}`,
      `its number format is ${dtype}.`,
      "Only F32, F16 and BF16 can be imported; convert the model first.",
    );
  }
  const bytes = entry.shape.reduce((product, length) => product * length, bytesPerValue(format));
  if (entry.end - entry.begin !== bytes) {
    throw refusal(`tensor ${name} has ${entry.end - entry.begin} bytes, its shape takes ${bytes}.`);
  }
  return { format, ...entry };
}

type Place = Pick<TensorEntry, "begin" | "end">;

function checkPlace(name: string, { begin, end }: Place, size: number): void {
  if (end < begin) throw refusal(`tensor ${name} ends before it begins.`);
  if (end > size) {
    throw refusal(`the file is cut off: tensor ${name} ends at ${end} of ${size} bytes.`);
  }
}

function checkLayout(entries: ReadonlyMap<string, Place>, start: number, size: number): void {
  let position = start;
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.begin - b.begin)) {
    if (entry.begin < position) throw refusal(`tensor ${name} overlaps the one before it.`);
    if (entry.begin > position) throw refusal(`there is a gap before tensor ${name}.`);
    position = entry.end;
  }
  if (position !== size) throw refusal(`${size - position} bytes follow the last tensor.`);
}

/** All reads share one array, which is as long as the longest of them. */
function createRead(
  file: FileHandle,
  entries: ReadonlyMap<string, TensorEntry>,
): Safetensors["read"] {
  let shared = Buffer.alloc(0);
  return async (name, first, count) => {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`There is no tensor ${name} to read.`);
    const width = bytesPerValue(entry.format);
    // Not from Node's pool, where it would begin anywhere.
    if (shared.length < count * width) shared = Buffer.from(new ArrayBuffer(count * width));
    const bytes = shared.subarray(0, count * width);
    await fill(file, bytes, entry.begin + first * width);
    return decodeFloats(bytes, entry.format);
  };
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await fill(file, bytes, position);
  return bytes;
}

async function fill(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let filled = 0;
  while (filled < bytes.length) {
    const rest = bytes.length - filled;
    const { bytesRead } = await file.read(bytes, filled, rest, position + filled);
    if (bytesRead === 0) throw refusal("the file became shorter while it was read.");
    filled += bytesRead;
  }
}

function refusal(what: string, cause?: unknown): ModelRefusedError {
  return new ModelRefusedError(where, what, downloadAgain, cause);
}

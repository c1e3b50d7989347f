import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type ElementType, elementBytes, type WeightLocation } from "./onnx-graph.ts";

const alignmentBytes = 64;
/** Written at once; between two writes others get their turn. */
const pieceBytes = 1024 * 1024;

/** What a graph will ask of the weights file. */
export interface StoredWeight {
  name: string;
  type: ElementType;
  shape: readonly number[];
}

/** A file of weights that grows from its beginning to its end. */
export class WeightsFile {
  /** Where each weight lies that has been added. */
  readonly locations = new Map<string, WeightLocation>();
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  readonly #written: (bytes: number) => void;
  #length = 0;

  private constructor(file: FileHandle, written: (bytes: number) => void) {
    this.#file = file;
    this.#written = written;
  }

  /** Refuses a file that is there; `written` hears the file's length after each write. */
  static async create(path: string, written: (bytes: number) => void): Promise<WeightsFile> {
    return new WeightsFile(await open(path, "wx"), written);
  }

  /** Appends a weight from the first multiple of 64 bytes on; its pieces may be reused once taken. */
  async add(
    weight: StoredWeight,
    pieces: ArrayBufferView | AsyncIterable<ArrayBufferView>,
  ): Promise<void> {
    await this.#append(new Uint8Array(align(this.#length) - this.#length));
    const offset = this.#length;
    if (ArrayBuffer.isView(pieces)) await this.#append(pieces);
    else for await (const piece of pieces) await this.#append(piece);
    const length = this.#length - offset;
    if (length !== bytesOf(weight)) throw new Error(`${length} bytes do not make ${weight.name}.`);
    this.locations.set(weight.name, { type: weight.type, shape: weight.shape, offset, length });
  }

  /** Makes sure that everything is on the disk, closes the file and gives its SHA-256. */
  async finish(): Promise<string> {
    await this.#file.sync();
    await this.#file.close();
    return this.#hash.digest("hex");
  }

  /** Closes the file as it is; nothing happens after `finish`. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  async #append(view: ArrayBufferView): Promise<void> {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const piece = bytes.subarray(start, start + pieceBytes);
      this.#hash.update(piece);
      await this.#write(piece);
      this.#written(this.#length);
    }
  }

  /** One write may take less than all of a piece. */
  async #write(piece: Uint8Array): Promise<void> {
    let written = 0;
    while (written < piece.length) {
      const { bytesWritten } = await this.#file.write(piece, written, piece.length - written);
      written += bytesWritten;
      this.#length += bytesWritten;
    }
  }
}

/** Where the next weight begins in a file of some length. */
export function align(length: number): number {
  return alignmentBytes * Math.ceil(length / alignmentBytes);
}

/** What a weight takes in the file, in bytes. */
export function bytesOf({ type, shape }: StoredWeight): number {
  return shape.reduce((product, size) => product * size, elementBytes[type]);
}

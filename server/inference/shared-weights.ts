import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ExternalTensor, listExternalTensors } from "./external-weights.ts";
import { type MappedFile, mapFile } from "./mapped-file.ts";
import type { OnnxRuntimeLibrary, Pointer } from "./onnxruntime-library.ts";

/** Bytes; what is smaller may as well be held by each graph. */
const worthSharing = 16 * 1024;

interface SharedTensor {
  value: Pointer;
  /** Native code reads it as long as the value lives. */
  shape: BigInt64Array;
}

/**
 * The weights that several graphs have in common, in memory once: the files are mapped, and what
 * onnxruntime lays out anew for the processor is kept for the next graph that needs the same.
 */
export class SharedWeights {
  /** Where sessions put and find weights laid out for the processor. */
  readonly prepacked: Pointer;
  readonly #library: OnnxRuntimeLibrary;
  readonly #memoryInfo: Pointer;
  readonly #files = new Map<string, MappedFile>();
  readonly #tensors = new Map<string, SharedTensor>();

  constructor(library: OnnxRuntimeLibrary, memoryInfo: Pointer) {
    this.#library = library;
    this.#memoryInfo = memoryInfo;
    this.prepacked = library.createPrepackedWeights();
  }

  /** The weights of a graph's file by name; throws when a weights file is shorter than it should be. */
  ofGraph(path: string): Map<string, Pointer> {
    const tensors = listExternalTensors(readFileSync(path)).filter(
      ({ length }) => length >= worthSharing,
    );
    return new Map(tensors.map((tensor) => [tensor.name, this.#share(dirname(path), tensor)]));
  }

  /** Gives back what was read of the files, once sessions have made their own of it. */
  forgetRead(): void {
    for (const file of this.#files.values()) file.forget();
  }

  /** Never before all sessions that had of these weights. */
  release(): void {
    for (const { value } of this.#tensors.values()) this.#library.release("value", value);
    this.#tensors.clear();
    this.#library.release("prepackedWeights", this.prepacked);
    for (const file of this.#files.values()) file.release();
    this.#files.clear();
  }

  #share(folder: string, tensor: ExternalTensor): Pointer {
    const path = join(folder, tensor.file);
    const place = [path, tensor.offset, tensor.elementType, ...tensor.shape].join();
    let shared = this.#tensors.get(place);
    if (shared === undefined) {
      shared = this.#createValue(this.#fileAt(path), tensor);
      this.#tensors.set(place, shared);
    }
    return shared.value;
  }

  #fileAt(path: string): MappedFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = mapFile(path);
      this.#files.set(path, file);
    }
    return file;
  }

  #createValue(file: MappedFile, tensor: ExternalTensor): SharedTensor {
    const { name, offset, length: byteLength, elementType } = tensor;
    const inside = offset >= 0 && byteLength > 0 && offset + byteLength <= file.length;
    if (!inside) throw new Error(`The weights file is too short for ${name}.`);
    const shape = BigInt64Array.from(tensor.shape, BigInt);
    const data = file.address + BigInt(offset);
    const memory = { data, byteLength, shape, elementType };
    return { value: this.#library.createTensor(this.#memoryInfo, memory), shape };
  }
}

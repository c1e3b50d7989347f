import type { CacheShape, KeyValueCache } from "./key-value-cache.ts";
import type { OnnxCall, OnnxRuntime, OnnxSession, OnnxTensor } from "./onnx-runtime.ts";

/** New tokens of one sequence: they follow `past` tokens whose keys and values are in the cache. */
export interface Row {
  cache: KeyValueCache;
  past: number;
  tokens: readonly number[];
  /** Of how many of the last tokens the logits are wanted; each costs a pass over the vocabulary. */
  outputs: number;
}

/** What of a model decides the shapes of its graphs' inputs and outputs. */
export interface GraphShape extends CacheShape {
  vocabularySize: number;
}

export interface GraphStepOptions {
  session: OnnxSession;
  /** Rows of a run, exactly. */
  slots: number;
  shape: GraphShape;
  runtime: OnnxRuntime;
}

const sharedInputs = ["input_ids", "position_ids", "out_rows", "split"];

/**
 * A graph with all that goes into it and comes out: both stay from run to run, and only what has
 * changed is made anew, because one step of a small model takes less time than naming them all.
 */
export class GraphStep {
  readonly slots: number;
  readonly #shape: GraphShape;
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxSession;
  readonly #call: OnnxCall;
  readonly #ids: NumberList;
  readonly #positions: NumberList;
  readonly #wanted: NumberList;
  readonly #split: BigInt64Array;
  /** Last position and number of positions of each slot after the run. */
  readonly #lasts: Int32Array;
  readonly #totals: Int32Array;
  /** Tensors that are as they are as long as the graph. */
  readonly #fixed: OnnxTensor[] = [];
  /** The arrays that each slot works on. */
  readonly #connected: (readonly OnnxTensor[])[] = [];
  #logits: OnnxTensor | undefined;

  constructor({ session, slots, shape, runtime }: GraphStepOptions) {
    this.slots = slots;
    this.#shape = shape;
    this.#runtime = runtime;
    this.#session = session;
    const names = nameSlots(slots, shape.layers);
    this.#call = session.prepare([...sharedInputs, ...names.inputs], ["logits", ...names.outputs]);
    const list = (place: number) => new NumberList(runtime, this.#call, place);
    this.#ids = list(0);
    this.#positions = list(1);
    this.#wanted = list(2);
    this.#split = new BigInt64Array(slots);
    this.#lasts = new Int32Array(slots);
    this.#totals = new Int32Array(slots);
    this.#fix(3, this.#split, [slots]);
    for (let slot = 0; slot < slots; slot++) {
      this.#fix(this.#inputOf(slot), this.#lasts.subarray(slot, slot + 1), [1]);
      this.#fix(this.#inputOf(slot) + 1, this.#totals.subarray(slot, slot + 1), []);
    }
  }

  /**
   * Computes one row a slot; the wanted logits lie one after another at the start of `logits`, which
   * has room for the last token's if none are: graphs compute some.
   */
  async run(rows: readonly Row[], logits: Float32Array): Promise<void> {
    this.#describeTokens(rows);
    rows.forEach((row, slot) => {
      const total = row.past + row.tokens.length;
      row.cache.reserve(total);
      this.#lasts[slot] = total - 1;
      this.#totals[slot] = total;
      this.#connect(slot, row.cache.tensors);
    });
    this.#placeLogits(logits, this.#wanted.length);
    await this.#call.run();
  }

  async release(): Promise<void> {
    const lists = [this.#ids, this.#positions, this.#wanted];
    for (const owned of [...lists, ...this.#fixed, this.#logits]) owned?.release();
    await this.#session.release();
  }

  /** The tokens of all rows lie one after another. */
  #describeTokens(rows: readonly Row[]): void {
    const ids = this.#ids.resize(rows.reduce((sum, { tokens }) => sum + tokens.length, 0));
    const positions = this.#positions.resize(ids.length);
    const outputs = rows.reduce((sum, row) => sum + row.outputs, 0);
    const wanted = this.#wanted.resize(Math.max(outputs, 1));
    let end = 0;
    let answered = 0;
    rows.forEach(({ tokens, past, outputs }, slot) => {
      this.#split[slot] = BigInt(tokens.length);
      tokens.forEach((id, i) => {
        ids[end + i] = BigInt(id);
        positions[end + i] = BigInt(past + i);
      });
      end += tokens.length;
      for (let left = outputs; left > 0; left--) wanted[answered++] = BigInt(end - left);
    });
    if (answered === 0) wanted[0] = BigInt(end - 1);
  }

  /** The same tensor is past and present: that is what makes the work happen in place. */
  #connect(slot: number, tensors: readonly OnnxTensor[]): void {
    if (this.#connected[slot] === tensors) return;
    if (tensors.length !== 2 * this.#shape.layers)
      throw new Error("The cache has other layers than the model.");
    this.#connected[slot] = tensors;
    const input = this.#inputOf(slot) + 2;
    const output = 1 + slot * 2 * this.#shape.layers;
    tensors.forEach((tensor, i) => {
      this.#call.setInput(input + i, tensor);
      this.#call.setOutput(output + i, tensor);
    });
  }

  #placeLogits(memory: Float32Array, count: number): void {
    const { vocabularySize } = this.#shape;
    const data = memory.subarray(0, count * vocabularySize);
    const before = this.#logits?.data;
    const same = before?.buffer === data.buffer && before.byteOffset === data.byteOffset;
    if (same && before.length === data.length) return;
    this.#logits?.release();
    this.#logits = this.#runtime.tensor(data, [count, vocabularySize]);
    this.#call.setOutput(0, this.#logits);
  }

  #inputOf(slot: number): number {
    return sharedInputs.length + slot * (2 + 2 * this.#shape.layers);
  }

  #fix(place: number, data: OnnxTensor["data"], shape: readonly number[]): void {
    const tensor = this.#runtime.tensor(data, shape);
    this.#fixed.push(tensor);
    this.#call.setInput(place, tensor);
  }
}

/** The inputs and outputs of each slot, slot after slot. */
function nameSlots(slots: number, layers: number): { inputs: string[]; outputs: string[] } {
  const inputs: string[] = [];
  const outputs: string[] = [];
  for (let slot = 0; slot < slots; slot++) {
    inputs.push(`seqlens_k.${slot}`, `total.${slot}`);
    for (let layer = 0; layer < layers; layer++) {
      inputs.push(`past_key.${layer}.${slot}`, `past_value.${layer}.${slot}`);
      outputs.push(`present_key.${layer}.${slot}`, `present_value.${layer}.${slot}`);
    }
  }
  return { inputs, outputs };
}

/** An input of whole numbers, of another length in another run. */
class NumberList {
  #memory = new BigInt64Array(64);
  #tensor: OnnxTensor | undefined;
  #values = this.#memory.subarray(0, 0);
  readonly #runtime: OnnxRuntime;
  readonly #call: OnnxCall;
  readonly #place: number;

  constructor(runtime: OnnxRuntime, call: OnnxCall, place: number) {
    this.#runtime = runtime;
    this.#call = call;
    this.#place = place;
  }

  get length(): number {
    return this.#values.length;
  }

  /** The numbers to fill in for the next run. */
  resize(length: number): BigInt64Array {
    if (this.#tensor !== undefined && this.#values.length === length) return this.#values;
    if (length > this.#memory.length) this.#memory = new BigInt64Array(2 * length);
    this.#values = this.#memory.subarray(0, length);
    this.#tensor?.release();
    this.#tensor = this.#runtime.tensor(this.#values, [length]);
    this.#call.setInput(this.#place, this.#tensor);
    return this.#values;
  }

  release(): void {
    this.#tensor?.release();
  }
}

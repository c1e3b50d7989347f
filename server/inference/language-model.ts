import { availableParallelism } from "node:os";
import { join } from "node:path";
import { GraphStep, type Row } from "./graph-step.ts";
import { cacheBytesFor, KeyValueCache } from "./key-value-cache.ts";
import type { ModelCard } from "./model-card.ts";
import type { OnnxRuntime } from "./onnx-runtime.ts";

export type { Row };

/** A loaded GPT-2: token ids in, logits out; knows nothing of sampling or of who asks. */
export interface LanguageModel {
  /** The most rows of one run. */
  readonly maxRows: number;
  /**
   * Settles when the graphs for many rows are loaded, too. Until then, runs of many rows are slower;
   * when it rejects they stay so.
   */
  readonly complete: Promise<void>;
  createCache(): KeyValueCache;
  /** What a cache takes, in bytes, that holds so many tokens. */
  bytesFor(tokens: number): number;
  /**
   * Computes the rows' tokens, extends their caches in place, and returns for each row the logits
   * after those of its tokens that were asked for, in order. The arrays are views that the next run
   * overwrites. One run at a time.
   */
  run(rows: readonly Row[]): Promise<Float32Array[][]>;
  /** Frees the graphs and, last, the runtime; caches have to be released before. */
  release(): Promise<void>;
}

export interface LanguageModelOptions {
  folder: string;
  card: ModelCard;
  /** Belongs to the model from here on. */
  runtime: OnnxRuntime;
  /** By default chosen by the model's size. */
  threads?: number | undefined;
  /** Whether the folder holds another model by now, whose graphs would not belong to these weights. */
  isReplaced?: (() => boolean) | undefined;
}

/**
 * Below this, handing work to a second thread costs more than it saves, unless many tokens are read
 * at once.
 */
const twoThreadsFromParameters = 20_000_000;
/** From so many tokens of one sequence on it saves more than it costs in the smallest models. */
const longRead = 32;
/** Where each graph holds its own weights, two have to do. */
const slotsWithoutSharing = [1, 4];

/** Loads a model folder: resolves when the first graph serves, and loads the others meanwhile. */
export async function loadLanguageModel(options: LanguageModelOptions): Promise<LanguageModel> {
  const model = new GraphFamily(options);
  try {
    await model.loadNext();
  } catch (error) {
    await model.release();
    throw error;
  }
  model.loadRest();
  return {
    maxRows: model.maxRows,
    complete: model.complete,
    createCache: () => model.createCache(),
    bytesFor: (tokens) => cacheBytesFor(tokens, options.card),
    run: (rows) => model.run(rows),
    release: () => model.release(),
  };
}

/** The graphs of one model, each for its number of rows, with the smallest loaded first. */
class GraphFamily {
  readonly maxRows: number;
  complete: Promise<void> = Promise.resolve();
  readonly #options: LanguageModelOptions;
  /** Of those not loaded yet. */
  readonly #files: ModelCard["graphs"];
  readonly #graphs: GraphStep[] = [];
  /** Reads long pieces of prompts with a second thread, where the graphs have but one. */
  #reader: GraphStep | undefined;
  /** Fills the slots of a graph that has more of them than there are rows. */
  readonly #filler: Row;
  #logits = new Float32Array(0);
  #released = false;

  constructor(options: LanguageModelOptions) {
    const { card, runtime } = options;
    this.#options = options;
    this.#files = card.graphs
      .filter(({ slots }) => runtime.sharesWeights || slotsWithoutSharing.includes(slots))
      .sort((a, b) => a.slots - b.slots);
    this.maxRows = this.#files.at(-1)?.slots ?? 0;
    this.#filler = { cache: this.createCache(), past: 0, tokens: [0], outputs: 0 };
  }

  createCache(): KeyValueCache {
    return new KeyValueCache(this.#options.runtime, this.#options.card);
  }

  async run(rows: readonly Row[]): Promise<Float32Array[][]> {
    if (this.#released) throw new Error("The model was released before its run.");
    if (rows.length > this.maxRows) throw new Error(`A run takes at most ${this.maxRows} rows.`);
    refuseTooManyOutputs(rows);
    const { vocabularySize } = this.#options.card;
    // One more than wanted: a part of the rows may want none.
    const length = vocabularySize * (countOutputs(rows) + 1);
    if (this.#logits.length < length) this.#logits = new Float32Array(length);
    let start = 0;
    for (const part of this.#divide(rows)) {
      await this.#runPart(part, this.#logits.subarray(start));
      start += vocabularySize * countOutputs(part);
    }
    return viewLogits(this.#logits, rows, vocabularySize);
  }

  /** Loads the next larger graph. */
  async loadNext(): Promise<void> {
    const file = this.#files.shift();
    if (file === undefined) throw new Error("The model has no graph for this runtime.");
    this.#graphs.push(await this.#load(file, this.#options.threads ?? this.#usualThreads));
  }

  get #usualThreads(): number {
    return this.#options.card.parameters < twoThreadsFromParameters ? 1 : 2;
  }

  /** Runs it once, too: onnxruntime plans its memory in the first run. */
  async #load(file: ModelCard["graphs"][number], threads: number): Promise<GraphStep> {
    const { folder, card, runtime } = this.#options;
    const session = await runtime.open(join(folder, file.file), threads);
    // What is not among the graphs nobody else releases.
    let release = () => session.release();
    try {
      if (this.#options.isReplaced?.()) throw new Error("The model was replaced while it loaded.");
      const graph = new GraphStep({ session, slots: file.slots, shape: card, runtime });
      release = () => graph.release();
      await graph.run(this.#fill([], graph.slots), new Float32Array(card.vocabularySize));
      return graph;
    } catch (error) {
      await release();
      throw error;
    }
  }

  loadRest(): void {
    const [smallest] = this.#options.card.graphs.filter(({ slots }) => slots === 1);
    this.complete = (async () => {
      if (smallest !== undefined && this.#hasUseForReader) {
        this.#reader = await this.#load(smallest, 2);
      }
      while (this.#files.length > 0 && !this.#released) await this.loadNext();
    })();
    // Whoever needs all of it asks; what is loaded goes on without.
    this.complete.catch(() => {});
  }

  /** Where nobody said how many threads, weights are held once, and there is a core for a second. */
  get #hasUseForReader(): boolean {
    const { threads, runtime } = this.#options;
    const isFree = threads === undefined && runtime.sharesWeights;
    return isFree && this.#usualThreads === 1 && availableParallelism() > 1;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.complete.catch(() => {});
    this.#filler.cache.release();
    for (const graph of this.#graphs) await graph.release();
    await this.#reader?.release();
    this.#options.runtime.release();
  }

  /** While the larger graphs are not there yet, many rows go through a smaller one in turns. */
  #divide(rows: readonly Row[]): (readonly Row[])[] {
    const most = this.#graphs.at(-1)?.slots ?? 1;
    if (rows.length <= most) return [rows];
    return [rows.slice(0, most), ...this.#divide(rows.slice(most))];
  }

  async #runPart(rows: readonly Row[], logits: Float32Array): Promise<void> {
    const isLongRead = rows.length === 1 && (rows[0]?.tokens.length ?? 0) >= longRead;
    const reader = isLongRead ? this.#reader : undefined;
    const graph = reader ?? this.#graphs.find(({ slots }) => slots >= rows.length);
    await graph?.run(this.#fill(rows, graph.slots), logits);
  }

  #fill(rows: readonly Row[], slots: number): readonly Row[] {
    if (rows.length === slots) return rows;
    return [...rows, ...Array.from({ length: slots - rows.length }, () => this.#filler)];
  }
}

const countOutputs = (rows: readonly Row[]) => rows.reduce((sum, { outputs }) => sum + outputs, 0);

function refuseTooManyOutputs(rows: readonly Row[]): void {
  if (rows.some(({ outputs, tokens }) => outputs > tokens.length))
    throw new RangeError("More logits are wanted than tokens given.");
}

/** Each row's own logits, one array for each token that was asked for. */
function viewLogits(
  logits: Float32Array,
  rows: readonly Row[],
  vocabularySize: number,
): Float32Array[][] {
  let start = 0;
  return rows.map(({ outputs }) =>
    Array.from({ length: outputs }, () => {
      start += vocabularySize;
      return logits.subarray(start - vocabularySize, start);
    }),
  );
}

import { UnavailableError } from "../../server/errors.ts";
import type {
  Engine,
  EngineModel,
  EngineSequence,
  GeneratedToken,
  Generation,
  GenerationRequest,
  LoadedModel,
  PrefillReport,
  Tokenizer,
} from "../../server/inference/engine.ts";

/** What the script is asked: the next token after these ids. */
export interface Draw {
  /** Prompt and what was drawn since, as far as it is in the window. */
  ids: readonly number[];
  /** The same as text. */
  text: string;
  index: number;
  request: GenerationRequest;
}

export interface ScriptedModelOptions {
  contextTokens?: number;
  /** Of another model, so that ids mean the same. */
  tokenizer?: ScriptedTokenizer;
  /** The text of the next token, or its id; `null` ends the text. */
  next?: (draw: Draw) => string | number | null;
}

/** A request that the engine got, and how much of its prompt it had computed before. */
export interface RecordedRequest extends GenerationRequest {
  keptTokens: number;
  text: string;
}

/** A model that writes by script, draws only as far as it may, and can be lost. */
export interface ScriptedModel extends LoadedModel {
  tokenizer: ScriptedTokenizer;
  requests: RecordedRequest[];
  /** Tokens drawn in all, by whatever request. */
  readonly drawn: number;
  /** Draws tokens with an index below this one, and waits there. */
  drawBelow(index: number): void;
  /** Holds the computing of prompts back, or lets it go on. */
  holdPrefill(hold: boolean): void;
  lose(): void;
  /** Resolves once it is there, as loading the model does. */
  ready(): Promise<void>;
  /** Starts again after `lose`. */
  restart(): void;
}

export interface ScriptedTokenizer extends Tokenizer {
  id(bytes: string | Uint8Array): number;
  text(ids: readonly number[]): string;
}

const endOfTextId = 0;

export function createScriptedModel(options: ScriptedModelOptions = {}): ScriptedModel {
  const { contextTokens = 64, next = ({ index }) => ` word${index}` } = options;
  const tokenizer = options.tokenizer ?? createScriptedTokenizer();
  const model: EngineModel = { id: "scripted", contextTokens, vocabularySize: 1e6, endOfTextId };
  const requests: RecordedRequest[] = [];
  let limit = Number.POSITIVE_INFINITY;
  let prefillHeld = false;
  let lost = false;
  let drawnInAll = 0;
  let wake: (() => void)[] = [];
  const listeners: ((error: Error) => void)[] = [];
  const loss = () => new UnavailableError("The engine was lost.");
  const idOf = (drawn: string | number) =>
    typeof drawn === "number" ? drawn : tokenizer.id(drawn);
  const stir = () => {
    for (const resolve of wake.splice(0)) resolve();
  };

  async function waitUntil(ready: () => boolean, over: () => boolean): Promise<void> {
    // Every token gives the event loop a turn, as a worker's message would.
    await new Promise((resolve) => setImmediate(resolve));
    while (!ready() && !over()) await new Promise<void>((resolve) => wake.push(resolve));
    if (lost) throw loss();
  }

  function open(): EngineSequence {
    if (lost) throw loss();
    let computed: number[] = [];
    let current: { over: boolean } | undefined;
    return {
      queuePosition: 0,
      async close() {
        if (current) current.over = true;
        stir();
      },
      generate(request, signal): Generation {
        if (current) current.over = true;
        const mine = { over: false };
        current = mine;
        signal?.addEventListener("abort", stir);
        const over = () => mine.over || lost || signal?.aborted === true;
        const keptTokens = commonPrefix(computed, request.prompt);
        const text = tokenizer.text(request.prompt);
        requests.push({ ...request, keptTokens, text });
        computed = [...request.prompt];
        const prefill = waitUntil(() => !prefillHeld, over).then((): PrefillReport => {
          if (over()) throw new Error("The generation ended before its prompt was computed.");
          return { promptTokens: request.prompt.length, keptTokens };
        });
        prefill.catch(() => undefined);
        return { prefill, [Symbol.asyncIterator]: () => draw(request, prefill, over) };
      },
    };

    async function* draw(
      request: GenerationRequest,
      prefill: Promise<PrefillReport>,
      over: () => boolean,
    ): AsyncGenerator<GeneratedToken, void, undefined> {
      await prefill.catch((error: unknown) => {
        if (!over() || lost) throw error;
      });
      let droppedTokens = 0;
      const { maxTokens } = request.sampling;
      for (let index = request.firstIndex; maxTokens === null || index < maxTokens; index++) {
        await waitUntil(() => index < limit, over);
        if (over()) return;
        if (computed.length >= contextTokens) {
          const dropped = Math.floor(contextTokens / 2);
          computed = computed.slice(dropped);
          droppedTokens += dropped;
        }
        const text = tokenizer.text(computed);
        const drawn = next({ ids: computed, text, index, request });
        const id = drawn === null ? endOfTextId : idOf(drawn);
        computed.push(id);
        drawnInAll++;
        yield { index, id, logprob: -1, contextTokens: computed.length, droppedTokens };
        if (id === endOfTextId) return;
      }
    }
  }

  const engine: Engine = {
    model,
    open,
    onLost: (listener) => void listeners.push(listener),
    async close() {},
  };
  return {
    engine,
    tokenizer,
    requests,
    get drawn() {
      return drawnInAll;
    },
    drawBelow(index) {
      limit = index;
      stir();
    },
    holdPrefill(hold) {
      prefillHeld = hold;
      stir();
    },
    lose() {
      lost = true;
      for (const listener of listeners) listener(loss());
      stir();
    },
    async ready() {
      while (lost) await new Promise<void>((resolve) => wake.push(resolve));
    },
    restart() {
      lost = false;
      stir();
    },
  };
}

export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = a.findIndex((id, place) => id !== b[place]);
  return end < 0 ? Math.min(a.length, b.length) : end;
}

/** Words with the space before them, white space, and signs; ids in order of appearance. */
function createScriptedTokenizer(): ScriptedTokenizer {
  const known: Uint8Array[] = [new Uint8Array()];
  const ids = new Map<string, number>();
  const id = (token: string | Uint8Array) => {
    const bytes = Buffer.from(token);
    const key = bytes.toString("hex");
    const found = ids.get(key);
    if (found !== undefined) return found;
    ids.set(key, known.length);
    return known.push(bytes) - 1;
  };
  const bytes = (token: number) => known[token] ?? new Uint8Array();
  return {
    endOfTextId,
    id,
    bytes,
    encode: (text) =>
      (text.match(/ ?[\p{L}\p{N}]+|\s+(?!\S)|\s+| ?[^\s\p{L}\p{N}]+/gu) ?? []).map(id),
    text: (tokens) => Buffer.concat(tokens.map(bytes)).toString("utf8"),
  };
}

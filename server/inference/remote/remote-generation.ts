import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import type { GenerationRequest, LoadedModel } from "../engine.ts";
import { countedTokens } from "../token-history.ts";
import { TokenStream } from "../token-stream.ts";
import type { CompletionDelta, NamedToken } from "./completion-events.ts";
import { writeRequest } from "./dialects.ts";
import { GenerationWindow } from "./generation-window.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { createTokenReader, promptText } from "./token-text.ts";

/** The deltas of one request; the first is there already. Leaving the loop closes the request. */
export type Completion = AsyncIterable<CompletionDelta>;

export interface RemoteGenerationOptions {
  request: GenerationRequest;
  settings: RemoteEngineSettings;
  model: Pick<LoadedModel, "tokenizer"> & {
    contextTokens: number;
    vocabularySize: number;
  };
  /** Sends a request; resolves with its completion once the first delta is there. */
  send: (body: object, signal: AbortSignal) => Promise<Completion>;
}

/** Tokens that are fetched ahead of the consumer; beyond them the socket is not read. */
const aheadTokens = 16;
/** A run asks for so many tokens at a time: a request that is lost costs its server no more. */
const chunkTokens = 256;
/** A server that may not end the text and ends it all the same is asked so often again. */
const mostEmptyAnswers = 3;
/** No character has more bytes, and so none has more tokens. */
const longestCharacter = 4;

/**
 * One generation on another machine: asks for tokens again and again, with the prompt as it has grown,
 * until the run has what it wanted.
 */
export class RemoteGeneration {
  readonly stream: TokenStream;
  readonly #options: RemoteGenerationOptions;
  readonly #window: GenerationWindow;
  readonly #abort = new AbortController();
  #index: number;
  #ended = false;
  #emptyAnswers = 0;
  /** What the run wrote, where its penalties count that. */
  #written: number[] | undefined;
  /** Tokens that the consumer has not taken. */
  #waiting = 0;
  #wake: () => void = () => {};

  constructor(options: RemoteGenerationOptions) {
    this.#options = options;
    this.#window = new GenerationWindow(options.request, options.model.contextTokens);
    this.#index = options.request.firstIndex;
    this.#written = options.request.written && [...options.request.written];
    this.stream = new TokenStream({
      taken: () => {
        this.#waiting--;
        this.#wake();
      },
      left: () => this.cancel(),
    });
  }

  /** Ends it at once, and the request with it; the loop throws `error` if given. */
  cancel(error?: unknown): void {
    this.stream.stop(error);
    this.#abort.abort(new Error("The generation was cancelled."));
    this.#wake();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when all is drawn, or it was cancelled; throws a RemoteFailure where the engine fails. */
  async run(): Promise<void> {
    try {
      while (!this.#isOver()) await this.#chunk();
      this.stream.end();
    } catch (error) {
      if (!this.signal.aborted) throw error;
    }
  }

  #isOver(): boolean {
    return this.#ended || this.signal.aborted || this.#index >= this.#endIndex;
  }

  /** The first that it may not draw. */
  get #endIndex(): number {
    return this.#options.request.sampling.maxTokens ?? Number.POSITIVE_INFINITY;
  }

  async #chunk(): Promise<void> {
    const { settings, model, send, request } = this.#options;
    const { sampling } = request;
    const bansEnd = this.#bansEnd();
    const maxTokens = this.#mostTokens(bansEnd);
    const prompt = this.#window.tokens;
    const body = writeRequest(settings, {
      prompt: settings.prompt === "tokens" ? prompt : promptText(model.tokenizer, prompt),
      sampling,
      firstIndex: this.#index,
      maxTokens,
      bannedEnd: bansEnd ? model.tokenizer.endOfTextId : undefined,
      alternatives: request.alternatives ?? 0,
      beside: {
        ...request,
        ...(this.#written && { written: this.#written.slice(-countedTokens) }),
      },
    });
    const completion = await send(body, this.signal);
    this.stream.prefilled({ promptTokens: request.prompt.length, keptTokens: 0 });
    await this.#read(completion, maxTokens);
  }

  async #read(completion: Completion, maxTokens: number): Promise<void> {
    const { model, settings } = this.#options;
    const reader = createTokenReader(model.tokenizer, settings.prompt);
    const before = this.#index;
    for await (const delta of completion) {
      for (const group of reader.push(delta)) {
        if (this.#index - before >= maxTokens) return;
        this.#takeAll(group);
        if (this.#isOver()) return;
      }
      if (delta.finish === "stop" && !this.#ended) this.#endText();
      if (delta.finish !== undefined) break;
      await this.#consumer();
      if (this.#isOver()) return;
    }
    // What is begun of a character is drawn again, but by the run's last request.
    if (this.#index + reader.rest().length >= this.#endIndex) this.#takeAll(reader.rest());
    this.#requireProgress(this.#index > before);
  }

  #takeAll(tokens: readonly NamedToken[]): void {
    for (const token of tokens) if (!this.#isOver()) this.#take(token);
  }

  #take({ id, logprob, alternatives }: NamedToken): void {
    const { model, request } = this.#options;
    const { endOfTextId } = model.tokenizer;
    if (id >= model.vocabularySize)
      throw new RemoteFailure("denied", "The engine's server has another vocabulary.");
    if (id === endOfTextId && this.#bansEnd()) return;
    const contextTokens = this.#window.tokens.length;
    const droppedTokens = this.#window.dropped;
    const wanted = request.alternatives ? { alternatives } : {};
    const index = this.#index++;
    this.#waiting++;
    this.#ended = id === endOfTextId;
    this.#window.push(id);
    this.#written?.push(id);
    this.stream.push({ index, id, logprob, contextTokens, droppedTokens, ...wanted });
  }

  /** Servers end a text without telling the token that ended it. */
  #endText(): void {
    const { sampling } = this.#options.request;
    const isFull = sampling.maxTokens !== null && this.#index >= sampling.maxTokens;
    if (this.#bansEnd() || isFull) return;
    this.#take({ id: this.#options.model.tokenizer.endOfTextId, logprob: 0, alternatives: [] });
  }

  /** No end below minTokens, and none at all in a run without maxTokens. */
  #bansEnd(): boolean {
    const { maxTokens, minTokens } = this.#options.request.sampling;
    return maxTokens === null || this.#index < minTokens;
  }

  /** A request whose end is banned ends where that changes. */
  #mostTokens(bansEnd: boolean): number {
    const { maxTokens, minTokens } = this.#options.request.sampling;
    const wanted = this.#endIndex - this.#index;
    // One that brought but a part of a character has to bring the whole.
    const least = this.#options.settings.prompt === "text" ? longestCharacter : 1;
    const banned = bansEnd && maxTokens !== null ? minTokens - this.#index : wanted;
    const room = this.#window.room(least);
    return Math.min(room, wanted, Math.max(banned, least), chunkTokens);
  }

  #requireProgress(hasSome: boolean): void {
    this.#emptyAnswers = hasSome ? 0 : this.#emptyAnswers + 1;
    if (this.#emptyAnswers < mostEmptyAnswers || this.#ended) return;
    throw new RemoteFailure("broken", "The engine's server answers without a token.");
  }

  /** Waits until the consumer has taken enough. */
  async #consumer(): Promise<void> {
    while (this.#waiting >= aheadTokens && !this.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

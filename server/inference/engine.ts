import type { Sampling } from "#shared/sampling.ts";

/** What is fixed about a loaded model. */
export interface EngineModel {
  id: string;
  /** Positions the model can attend to (GPT-2: 1024, tales: 512). */
  contextTokens: number;
  vocabularySize: number;
  endOfTextId: number;
}

/** One request to go on from a prompt. */
export interface GenerationRequest {
  /** 1 … contextTokens − 1 token ids. The sequence keeps the longest prefix it has already computed. */
  prompt: readonly number[];
  /** Index in the run of the first token to draw; draw i depends on (sampling.seed, i) alone. */
  firstIndex: number;
  sampling: Sampling;
  /**
   * Token ids that penalties and n-gram blocking also see although they lie before the prompt
   * (none for a plain run).
   */
  history?: readonly number[];
  /** Ids that the run itself wrote before `firstIndex`, the newest few: frequency and presence count them. */
  written?: readonly number[];
  /** Token sequences that are never completed (what `sampling.bannedWords` is in this model's ids). */
  bannedSequences?: readonly (readonly number[])[];
  /** How many of the likeliest tokens each drawn one tells beside itself, 0–10; by default none. */
  alternatives?: number;
}

/** A token that could have been drawn. */
export interface TokenAlternative {
  id: number;
  /** As `GeneratedToken.logprob`. */
  logprob: number;
}

export interface GeneratedToken {
  /** Index in the run. */
  index: number;
  id: number;
  /** Natural logarithm of its probability after penalties and temperature, before truncation. */
  logprob: number;
  /** Tokens in the model's window when it was drawn. */
  contextTokens: number;
  /** How many leading tokens of prompt + generated text have left the window since the request. */
  droppedTokens: number;
  /** The likeliest, most likely first, where the request asked for them. */
  alternatives?: readonly TokenAlternative[];
}

/** What a request cost; known once its first token is there. */
export interface PrefillReport {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still right and were not computed again. */
  keptTokens: number;
}

/** A stream of tokens; leaving the loop (or aborting) cancels within one step and frees the place. */
export interface Generation extends AsyncIterable<GeneratedToken> {
  /** Resolves when the prompt is computed; rejects with the error that the loop throws. */
  readonly prefill: Promise<PrefillReport>;
}

/**
 * The engine's memory of one document's run: token ids and their keys and values. One generation at
 * a time; starting another ends the one before.
 */
export interface EngineSequence {
  /**
   * Goes on from the prompt until the caller leaves the loop, maxTokens of the run is reached
   * (index maxTokens − 1 is the last), or the end-of-text token is drawn. That token is yielded
   * last; it is banned below minTokens and in endless runs. Past the window the oldest half goes.
   * With the strategy "beams" (needs maxTokens) all tokens come at the end, when the search is done.
   */
  generate(request: GenerationRequest, signal?: AbortSignal): Generation;
  /** 0: it does not wait; n: n-th in line for a place. */
  readonly queuePosition: number;
  close(): Promise<void>;
}

/** Turns token ids into token ids; knows neither users nor Yjs nor where files came from. */
export interface Engine {
  readonly model: EngineModel;
  /** Throws an UnavailableError when the engine is closed or lost. */
  open(): EngineSequence;
  /** Calls back once when the engine is lost (its worker died); its generations throw as well. */
  onLost(listener: (error: Error) => void): void;
  close(): Promise<void>;
}

/** Text ↔ token ids of one model. */
export interface Tokenizer {
  readonly endOfTextId: number;
  /** Plain text to ids; "<|endoftext|>" in the text is plain characters, never the special id. */
  encode(text: string): number[];
  /** The raw bytes of a token; a character may be spread over several tokens. */
  bytes(id: number): Uint8Array;
}

/** A model that can write: its engine and its tokenizer, as the model library hands them out. */
export interface LoadedModel {
  engine: Engine;
  tokenizer: Tokenizer;
  /** What a model that was trained on prompts wants around its input, `{input}`; others have none. */
  promptTemplate?: string;
}

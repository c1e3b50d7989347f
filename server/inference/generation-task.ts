import type { GeneratedToken, PrefillReport } from "./engine.ts";
import type { WorkerRequest } from "./protocol.ts";
import { draw } from "./sampler.ts";
import { keepCommonPrefix, type SequenceMemory } from "./sequence-memory.ts";
import { TokenHistory } from "./token-history.ts";

interface ModelLimits {
  contextTokens: number;
  endOfTextId: number;
}

interface Drawn {
  token: GeneratedToken;
  prefill: PrefillReport | undefined;
}

/** One request on its way: its window of tokens, and what is still to be computed of it. */
export class GenerationTask {
  /** Tokens that may still be drawn before the consumer has to take one. */
  credit: number;
  readonly id: number;
  readonly sequence: number;
  readonly #request: WorkerRequest;
  readonly #limits: ModelLimits;
  #window: number[];
  #history: TokenHistory;
  #nextIndex: number;
  #droppedTokens = 0;
  #begun = false;
  /** Until the first token reports it. */
  #prefill: PrefillReport | undefined;
  #endOfText = false;

  constructor(
    numbers: { id: number; sequence: number; credit: number },
    request: WorkerRequest,
    limits: ModelLimits,
  ) {
    this.id = numbers.id;
    this.sequence = numbers.sequence;
    this.credit = numbers.credit;
    this.#request = request;
    this.#limits = limits;
    this.#window = [...request.prompt];
    this.#history = this.#rememberWindow();
    this.#nextIndex = request.firstIndex;
  }

  /** Whether there is nothing left to draw. */
  get finished(): boolean {
    const { maxTokens } = this.#request.sampling;
    return this.#endOfText || (maxTokens !== null && this.#nextIndex >= maxTokens);
  }

  /** Fits the sequence's memory to the prompt, once, before the first step. */
  begin(memory: SequenceMemory): void {
    if (this.#begun) return;
    this.#begun = true;
    const keptTokens = keepCommonPrefix(memory, this.#window);
    this.#prefill = { promptTokens: this.#window.length, keptTokens };
  }

  /** Tokens of the window whose keys and values are not there yet. */
  pendingTokens(memory: SequenceMemory): number {
    return this.#window.length - memory.computed.length;
  }

  /** The next of them to compute, at most `limit`. */
  nextChunk(memory: SequenceMemory, limit: number): number[] {
    const start = memory.computed.length;
    return this.#window.slice(start, start + limit);
  }

  /**
   * Draws from the logits after the window's last token, and takes the token into the window; the
   * first time it also tells what the prompt cost.
   */
  draw(logits: Float32Array, memory: SequenceMemory): Drawn {
    const { sampling } = this.#request;
    const { endOfTextId } = this.#limits;
    const index = this.#nextIndex;
    const drawn = draw({ logits, history: this.#history, sampling, index, endOfTextId });
    const contextTokens = this.#window.length;
    const token = { index, ...drawn, contextTokens, droppedTokens: this.#droppedTokens };
    this.#nextIndex++;
    this.credit--;
    this.#endOfText = drawn.id === endOfTextId;
    this.#window.push(drawn.id);
    this.#history.add(drawn.id);
    if (this.#window.length > this.#limits.contextTokens) this.#dropOldestHalf(memory);
    const prefill = this.#prefill;
    this.#prefill = undefined;
    return { token, prefill };
  }

  /** Positions are absolute in GPT-2, so what stays has to be computed anew at its new place. */
  #dropOldestHalf(memory: SequenceMemory): void {
    const kept = Math.floor(this.#limits.contextTokens / 2);
    this.#droppedTokens += this.#window.length - kept;
    this.#window = this.#window.slice(-kept);
    this.#history = this.#rememberWindow();
    memory.computed.length = 0;
  }

  #rememberWindow(): TokenHistory {
    const { sampling, history } = this.#request;
    return new TokenHistory(sampling.noRepeatNgramSize, [...history, ...this.#window]);
  }
}

import type { Sampling } from "#shared/sampling.ts";
import { bannedSequencesOf } from "../inference/banned-words.ts";
import type { GenerationRequest, Tokenizer } from "../inference/engine.ts";
import { countedTokens } from "../inference/token-history.ts";
import type { ModelToken } from "./model-text.ts";
import type { RunRecord } from "./run-record.ts";
import { mostTokens } from "./text-ending.ts";

/** What a run asks of the engine, pass after pass. */
export class EngineRequests {
  #written: number[] = [];
  #banned: { words: readonly string[]; sequences: number[][] } = { words: [], sequences: [] };

  /** Before a run goes on that another process, or this one before, has written of. */
  recall(ids: readonly number[]): void {
    this.#written = ids.slice(-countedTokens);
  }

  /** What the run has written: its penalties count it. */
  wrote(tokens: readonly ModelToken[]): void {
    this.#written.push(...tokens.map(({ id }) => id));
    if (this.#written.length > 2 * countedTokens) this.recall(this.#written);
  }

  /** The request for the run's next tokens after this prompt. */
  next(
    prompt: readonly number[],
    { sampling, tokens }: Pick<RunRecord, "sampling" | "tokens">,
    tokenizer: Tokenizer,
  ): GenerationRequest {
    const bannedSequences = this.#bannedSequences(sampling.bannedWords, tokenizer);
    const penalises = sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0;
    return {
      prompt,
      firstIndex: tokens,
      sampling: withRoomToFinish(sampling),
      ...(penalises && { written: this.#written.slice(-countedTokens) }),
      ...(bannedSequences.length > 0 && { bannedSequences }),
    };
  }

  /** A tune with other words brings another array. */
  #bannedSequences(words: readonly string[], tokenizer: Tokenizer): number[][] {
    if (this.#banned.words !== words) {
      this.#banned = { words, sequences: bannedSequencesOf(words, tokenizer) };
    }
    return this.#banned.sequences;
  }
}

/** Which text is whole is seen in the text, so the engine may draw a few more. */
function withRoomToFinish(sampling: Sampling): Sampling {
  const maxTokens = mostTokens(sampling);
  return maxTokens === sampling.maxTokens ? sampling : { ...sampling, maxTokens };
}

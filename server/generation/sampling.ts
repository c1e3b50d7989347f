import { randomBytes } from "node:crypto";
import {
  defaultSampling,
  type Sampling,
  type SamplingInput,
  samplingLimits,
} from "#shared/sampling.ts";
import { InvalidError } from "../errors.ts";
import type { RunRecord } from "./run-record.ts";

/**
 * What a new run samples with: defaults, then the document's settings, then the person's wish. The
 * seed is drawn where nobody named one. Throws InvalidError naming the field that cannot be.
 */
export function resolveSampling(
  settings: SamplingInput,
  wish: SamplingInput,
  vocabularySize = Number.POSITIVE_INFINITY,
): Sampling {
  const wished = { ...defaultSampling, seed: randomSeed(), ...present(settings), ...present(wish) };
  return checked(wished, vocabularySize);
}

/**
 * The run's sampling with the person's wish on top; throws as `resolveSampling`. A length below the
 * `written` tokens counts as what is written where the run is to end with a sentence or a paragraph:
 * then it finishes the one that it is in.
 */
export function tuneSampling(
  { sampling: current, tokens: written }: Pick<RunRecord, "sampling" | "tokens">,
  wish: SamplingInput,
  vocabularySize = Number.POSITIVE_INFINITY,
): Sampling {
  const tuned = checked({ ...current, ...present(wish) }, vocabularySize);
  const { stopAt, maxTokens, strategy } = tuned;
  // Beams are one search of a length that is given: it is over.
  if (stopAt === null || maxTokens === null || strategy === "beams") return tuned;
  const endsOtherwise = stopAt !== current.stopAt || maxTokens !== current.maxTokens;
  if (!endsOtherwise) return tuned;
  return { ...tuned, maxTokens: Math.max(maxTokens, written) };
}

function checked(sampling: Sampling, vocabularySize: number): Sampling {
  checkLengths(sampling);
  checkTexts(sampling);
  const unknown = Object.keys(sampling.logitBias).find((id) => Number(id) >= vocabularySize);
  if (unknown !== undefined) {
    const message = `The model has no token ${unknown}; its ids end at ${vocabularySize - 1}.`;
    throw refusal("logitBias", message);
  }
  return sampling;
}

function checkLengths({ maxTokens, minTokens, strategy }: Sampling): void {
  if (maxTokens !== null && minTokens > maxTokens) {
    const message = `The least number of tokens (${minTokens}) is above the most (${maxTokens}).`;
    throw refusal("minTokens", message);
  }
  const { max } = samplingLimits.beamTokens;
  if (strategy === "beams" && (maxTokens === null || maxTokens > max)) {
    throw refusal("maxTokens", `Beams write a text of at most ${max} tokens. Make it shorter.`);
  }
}

function checkTexts({ stop, bannedWords }: Sampling): void {
  if (stop.some((text) => unstorable.test(text))) {
    throw refusal("stop", "A stop text holds a character that no text can have.");
  }
  if (bannedWords.some((text) => unstorable.test(text))) {
    throw refusal("bannedWords", "A banned word holds a character that no text can have.");
  }
  if (bannedWords.some((text) => text.trim() === "")) {
    throw refusal("bannedWords", "A banned word has to be more than white space.");
  }
}

function refusal(field: keyof Sampling, message: string): InvalidError {
  return new InvalidError(message, { field: `sampling.${field}` });
}

/** NUL and halves of characters: jsonb cannot hold them, and the model never writes them. */
const unstorable = /\0|\p{Surrogate}/u;

/** Without the fields that are named and undefined, which would hide a default. */
function present(input: SamplingInput): Partial<Sampling> {
  const named = Object.entries(input).filter(([, value]) => value !== undefined);
  // Only undefined values were taken out of a SamplingInput.
  return Object.fromEntries(named) as Partial<Sampling>;
}

function randomSeed(): number {
  return randomBytes(4).readUInt32LE();
}

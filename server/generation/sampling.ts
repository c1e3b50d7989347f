import { randomBytes } from "node:crypto";
import { defaultSampling, type Sampling, type SamplingInput } from "#shared/sampling.ts";
import { InvalidError } from "../errors.ts";

/**
 * What a new run samples with: defaults, then the document's settings, then the person's wish. The
 * seed is drawn where nobody named one. Throws InvalidError naming the field that cannot be.
 */
export function resolveSampling(settings: SamplingInput, wish: SamplingInput): Sampling {
  return checked({
    ...defaultSampling,
    seed: randomSeed(),
    ...present(settings),
    ...present(wish),
  });
}

/** The run's sampling with the person's wish on top; throws as `resolveSampling`. */
export function tuneSampling(current: Sampling, wish: SamplingInput): Sampling {
  return checked({ ...current, ...present(wish) });
}

function checked(sampling: Sampling): Sampling {
  const { maxTokens, minTokens } = sampling;
  if (maxTokens !== null && minTokens > maxTokens) {
    throw new InvalidError(
      `The least number of tokens (${minTokens}) is above the most (${maxTokens}).`,
      { field: "sampling.minTokens" },
    );
  }
  if (sampling.stop.some((text) => unstorable.test(text))) {
    throw new InvalidError("A stop text holds a character that no text can have.", {
      field: "sampling.stop",
    });
  }
  return sampling;
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

import { defaultSampling } from "#shared/sampling.ts";
import { grouped } from "../../components/grouped.ts";
import type { ChosenSampling } from "./use-sampling-choice.ts";

/** One line of how the model writes. */
export interface SamplingFact {
  name: string;
  value: string;
}

const strategies: { readonly [strategy in ChosenSampling["strategy"]]: string } = {
  sample: "drawn by likelihood",
  greedy: "always the likeliest",
  beams: "by beams",
};

/** Plain numbers, in the order in which they count. */
const numbers = [
  ["repetitionPenalty", "Repetition penalty"],
  ["noRepeatNgramSize", "No repeated phrases of"],
  ["frequencyPenalty", "Frequency penalty"],
  ["presencePenalty", "Presence penalty"],
  ["minTokens", "Least length"],
] as const;
/** They count only where words are drawn. */
const numbersOfDrawing = [
  ["topK", "Top-k"],
  ["topP", "Top-p"],
  ["minP", "Min-p"],
  ["typicalP", "Typical-p"],
] as const;

/** Temperature (or what stands in its place) and length, and besides them only what is not as usual. */
export function samplingFacts(values: ChosenSampling): SamplingFact[] {
  const draws = values.strategy === "sample";
  const unusual = [...numbers, ...(draws ? numbersOfDrawing : [])].filter(
    ([field]) => values[field] !== defaultSampling[field],
  );
  return [
    draws
      ? { name: "Temperature", value: String(values.temperature) }
      : { name: "Words", value: strategies[values.strategy] },
    { name: "Length", value: lengthOf(values) },
    ...(values.strategy === "beams" ? beamFacts(values) : []),
    ...(values.stopAt === null ? [] : [{ name: "Ends at", value: `a ${values.stopAt}'s end` }]),
    ...unusual.map(([field, name]) => ({ name, value: String(values[field]) })),
    ...list("Stops at", values.stop),
    ...list("Never writes", values.bannedWords),
    ...list("Token bias", biasesOf(values)),
  ];
}

function lengthOf({ maxTokens }: ChosenSampling): string {
  return maxTokens === null ? "endless" : `${grouped(maxTokens)} tokens`;
}

function beamFacts({ beams, lengthPenalty, earlyStopping }: ChosenSampling): SamplingFact[] {
  const penalty = { name: "Length penalty", value: String(lengthPenalty) };
  return [
    { name: "Beams", value: String(beams) },
    ...(lengthPenalty === defaultSampling.lengthPenalty ? [] : [penalty]),
    ...(earlyStopping ? [] : [{ name: "Early stopping", value: "off" }]),
  ];
}

function biasesOf({ logitBias }: ChosenSampling): string[] {
  return Object.entries(logitBias).map(([id, bias]) => `${id}: ${bias > 0 ? "+" : ""}${bias}`);
}

function list(name: string, values: readonly string[]): SamplingFact[] {
  return values.length === 0 ? [] : [{ name, value: values.join(", ") }];
}

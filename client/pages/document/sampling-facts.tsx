import type { Sampling } from "#shared/sampling.ts";
import styles from "./run-panel.module.css";
import type { ChosenSampling } from "./use-sampling-choice.ts";

const names: readonly { field: keyof Omit<Sampling, "seed">; name: string }[] = [
  { field: "temperature", name: "Temperature" },
  { field: "maxTokens", name: "Length" },
  { field: "topK", name: "Top-k" },
  { field: "topP", name: "Top-p" },
  { field: "minP", name: "Min-p" },
  { field: "repetitionPenalty", name: "Repetition penalty" },
  { field: "noRepeatNgramSize", name: "No repeated phrases of" },
  { field: "stop", name: "Stops at" },
];

/** How the model writes, for someone who may look and not change. */
export function SamplingFacts({ values }: { values: ChosenSampling }) {
  return (
    <dl className={styles.facts}>
      {names.map(({ field, name }) => (
        <div key={field}>
          <dt>{name}</dt>
          <dd>{asText(field, values)}</dd>
        </div>
      ))}
    </dl>
  );
}

function asText(field: keyof Omit<Sampling, "seed">, values: ChosenSampling): string {
  if (field === "maxTokens") {
    return values.maxTokens === null
      ? "endless"
      : `${values.maxTokens.toLocaleString("en")} tokens`;
  }
  if (field === "stop") return values.stop.length === 0 ? "nothing" : values.stop.join(", ");
  if (field === "temperature" && values.strategy === "greedy") return "0 (greedy)";
  return String(values[field]);
}

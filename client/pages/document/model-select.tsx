import { NativeSelect } from "@mantine/core";
import type { Model } from "#shared/http.ts";
import { grouped } from "../../components/grouped.ts";
import styles from "./model-select.module.css";
import type { ModelChoice } from "./use-model-choice.ts";

/** Which model the next run writes with; a run that lives keeps its own. */
export function ModelSelect({ choice }: { choice: ModelChoice }) {
  const { all, current, choose } = choice;
  return (
    <NativeSelect
      label="Model"
      description={current && describe(current)}
      size="sm"
      classNames={{ input: styles.name ?? "", description: styles.about ?? "" }}
      value={current?.id ?? ""}
      onChange={(event) => choose(event.currentTarget.value)}
      data={all.map((model) => ({
        value: model.id,
        label: labelOf(model),
        // The one that is chosen stays to be seen.
        disabled: !model.available && model.id !== current?.id,
      }))}
    />
  );
}

function labelOf(model: Model): string {
  const words = `${model.name}, ${sizeOf(model)}${model.default ? " (the default)" : ""}`;
  return model.available ? words : `${words}: away now`;
}

/** Of a model that would be refused at a Start. */
const awaySentence =
  "Its engine is away, so it cannot write now. Choose another model, or wait until it is back.";

/** Up to how many parameters a size has its name; a larger model writes better and more slowly. */
const sizes = [
  { upTo: 50e6, words: "tiny" },
  { upTo: 200e6, words: "small" },
  { upTo: 500e6, words: "medium" },
  { upTo: 1e9, words: "large" },
] as const;

function sizeOf({ parameters }: Model): string {
  return sizes.find(({ upTo }) => parameters <= upTo)?.words ?? "very large";
}

function inWords(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)} billion`;
  return `${Math.round(parameters / 1e6)} million`;
}

function describe({ available, parameters, contextTokens, promptTemplate }: Model): string {
  if (!available) return awaySentence;
  const words = Math.round((contextTokens * 0.75) / 50) * 50;
  const sight = `${inWords(parameters)} parameters; sees the last ${grouped(words)} words or so.`;
  return promptTemplate === undefined
    ? sight
    : `${sight} Trained on prompts, where {input} is your text: ${promptTemplate.trim()}`;
}

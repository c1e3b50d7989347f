import { Input, SegmentedControl, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import { type Sampling, samplingLimits } from "#shared/sampling.ts";
import { beamKnobs, type Knob } from "./knobs.ts";
import styles from "./sampling-controls.module.css";
import type { SamplingChoice } from "./use-sampling-choice.ts";

type Strategy = Sampling["strategy"];

const strategies: readonly { value: Strategy; label: string; explanation: string }[] = [
  {
    value: "sample",
    label: "Sample",
    explanation: "Words are drawn by their likelihood; the knobs below say among which.",
  },
  {
    value: "greedy",
    label: "Greedy",
    explanation: "Always the likeliest token: the same text writes the same continuation.",
  },
  {
    value: "beams",
    label: "Beams",
    explanation: `Follows several texts and writes the best, all at once when it is found: at most ${samplingLimits.beamTokens.max} tokens.`,
  },
];

/** How the next word is chosen, and what belongs to that choice alone. */
export function SamplingStrategy({
  sampling: { values, change },
  knob,
  written,
}: {
  sampling: SamplingChoice;
  knob: (knob: Knob) => ReactNode;
  written: () => number;
}) {
  const chosen = strategies.find(({ value }) => value === values.strategy);
  return (
    <>
      <Input.Wrapper label="How a word is chosen" labelElement="div">
        <SegmentedControl
          aria-label="How a word is chosen"
          withItemsBorders={false}
          fullWidth
          size="xs"
          mt={8}
          value={values.strategy}
          onChange={(value) => {
            const next = strategies.find((each) => each.value === value)?.value;
            if (next) void change({ strategy: next, ...lengthFor(next, values, written()) });
          }}
          data={strategies.map(({ value, label }) => ({ value, label }))}
        />
        <p className={styles.explanation}>{chosen?.explanation}</p>
      </Input.Wrapper>
      {values.strategy === "beams" && (
        <>
          {beamKnobs.map(knob)}
          <Switch
            label="Early stopping"
            description="Enough when as many texts have ended as there are beams."
            checked={values.earlyStopping}
            onChange={(event) => void change({ earlyStopping: event.currentTarget.checked })}
          />
        </>
      )}
    </>
  );
}

/** Beams need a length that they can reach. */
function lengthFor(
  strategy: Strategy,
  { maxTokens }: Pick<Sampling, "maxTokens">,
  written: number,
): Partial<Pick<Sampling, "maxTokens">> {
  const { max } = samplingLimits.beamTokens;
  if (strategy !== "beams" || (maxTokens !== null && maxTokens <= max)) return {};
  return { maxTokens: Math.min(max, written + samplingLimits.maxTokens.default) };
}

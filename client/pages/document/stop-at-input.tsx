import { Input, NumberInput, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { type Sampling, type StopPlace, samplingLimits, stopPlaces } from "#shared/sampling.ts";
import styles from "./sampling-controls.module.css";
import type { SamplingChoice } from "./use-sampling-choice.ts";

const nowhere = "nowhere";
const names: { readonly [place in StopPlace]: string } = {
  sentence: "Sentence",
  paragraph: "Paragraph",
};

/** Whether a run ends with a whole sentence or paragraph, and how much it writes at least. */
export function StopAtInput({ sampling: { values, change } }: { sampling: SamplingChoice }) {
  return (
    <div className={styles.group}>
      <Input.Wrapper label="End at" labelElement="div">
        <SegmentedControl
          aria-label="End at"
          withItemsBorders={false}
          fullWidth
          size="xs"
          mt={8}
          value={values.stopAt ?? nowhere}
          onChange={(value) =>
            void change({ stopAt: stopPlaces.find((place) => place === value) ?? null })
          }
          data={[
            { value: nowhere, label: "Nowhere" },
            ...stopPlaces.map((value) => ({ value, label: names[value] })),
          ]}
        />
        <p className={styles.explanation}>{explain(values)}</p>
      </Input.Wrapper>
      <LeastLength values={values} onChange={(minTokens) => change({ minTokens })} />
    </div>
  );
}

function explain({
  stopAt,
  minTokens,
  maxTokens,
}: Pick<Sampling, "stopAt" | "minTokens" | "maxTokens">): string {
  if (stopAt === null) return "Ends at its length, inside a sentence too.";
  if (minTokens > 0) return `Ends with the first ${stopAt} once the least length is written.`;
  if (maxTokens === null) return "An endless run needs a least length to end by itself.";
  return `Finishes the ${stopAt} that it is in when its length is reached.`;
}

function LeastLength({
  values: { minTokens, maxTokens },
  onChange,
}: {
  values: Pick<Sampling, "minTokens" | "maxTokens">;
  onChange: (minTokens: number) => Promise<void>;
}) {
  const max = maxTokens ?? samplingLimits.maxTokens.max;
  const [typed, setTyped] = useState<number | null>(null);
  const settle = async () => {
    if (typed !== null && typed !== minTokens) await onChange(typed);
    setTyped(null);
  };
  return (
    <NumberInput
      label="Least length"
      description="The model does not end its text before so many tokens. 0 is off."
      min={0}
      max={max}
      step={10}
      thousandSeparator=","
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="blur"
      value={typed ?? minTokens}
      onChange={(next) => {
        if (typeof next === "number" && next >= 0 && next <= max) setTyped(next);
      }}
      onBlur={() => void settle()}
      onKeyDown={(event) => {
        if (event.key === "Enter") void settle();
      }}
    />
  );
}

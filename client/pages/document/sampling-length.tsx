import { NumberInput, Switch } from "@mantine/core";
import { useState } from "react";
import { samplingLimits } from "#shared/sampling.ts";
import styles from "./sampling-controls.module.css";
import type { SamplingChoice } from "./use-sampling-choice.ts";

/** How much a run writes. */
export function SamplingLength({
  sampling: { values, change },
  written,
}: {
  sampling: SamplingChoice;
  written: () => number;
}) {
  const { min, default: usual } = samplingLimits.maxTokens;
  const isBeams = values.strategy === "beams";
  const max = isBeams ? samplingLimits.beamTokens.max : samplingLimits.maxTokens.max;
  const isEndless = values.maxTokens === null;
  const [typed, setTyped] = useState<number | null>(null);
  /** Only what is typed to its end counts: "3" on the way to "300" would end the run. */
  const settle = async () => {
    if (typed !== null && typed !== values.maxTokens) await change({ maxTokens: typed });
    setTyped(null);
  };
  return (
    <div className={styles.length}>
      <NumberInput
        label="Length"
        description="The most tokens a run writes; a token is about three quarters of a word."
        min={min}
        max={max}
        step={50}
        thousandSeparator=","
        allowDecimal={false}
        disabled={isEndless}
        value={typed ?? values.maxTokens ?? ""}
        placeholder="Endless"
        clampBehavior="blur"
        onChange={(next) => {
          if (typeof next === "number" && next >= min && next <= max) setTyped(next);
        }}
        onBlur={() => void settle()}
        onKeyDown={(event) => {
          if (event.key === "Enter") void settle();
        }}
      />
      {!isBeams && (
        <Switch
          label="Endless"
          checked={isEndless}
          onChange={(event) =>
            void change({ maxTokens: event.currentTarget.checked ? null : written() + usual })
          }
        />
      )}
    </div>
  );
}

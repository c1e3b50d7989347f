import { TagsInput } from "@mantine/core";
import { memo } from "react";
import { samplingLimits } from "#shared/sampling.ts";
import { firstKnob, type Knob, repetitionKnobs, truncationKnobs } from "./knobs.ts";
import { LogitBiasInput } from "./logit-bias-input.tsx";
import styles from "./sampling-controls.module.css";
import { SamplingKnob } from "./sampling-knob.tsx";
import { SamplingLength } from "./sampling-length.tsx";
import { SamplingPresets } from "./sampling-presets.tsx";
import { SamplingSeed } from "./sampling-seed.tsx";
import { SamplingStrategy } from "./sampling-strategy.tsx";
import { StopAtInput } from "./stop-at-input.tsx";
import type { SamplingChoice } from "./use-sampling-choice.ts";

/** No character ends an entry: a comma may stand in it. */
const wholeStrings: string[] = [];

interface SamplingControlsProps {
  sampling: SamplingChoice;
  /** Of the run that lives or was last; null before the first. */
  lastSeed: number | null;
  runLives: boolean;
  /** How many tokens the run which lives has written by now; 0 without one. */
  written: () => number;
}

/**
 * How the model writes: presets, the first knobs, and the rest folded away. They are as much to draw as
 * all the rest of the page, which looks again whenever something happens to the run.
 */
export const SamplingControls = memo(function SamplingControls({
  sampling,
  lastSeed,
  runLives,
  written,
}: SamplingControlsProps) {
  const { values, change } = sampling;
  const draws = values.strategy === "sample";
  const knob = (each: Knob) => (
    <SamplingKnob
      key={each.field}
      knob={each}
      value={values[each.field]}
      onChange={(value) => change({ [each.field]: value })}
    />
  );
  return (
    <div className={styles.controls}>
      <SamplingPresets sampling={sampling} written={written} />
      {draws && knob(firstKnob)}
      <SamplingLength sampling={sampling} written={written} />
      <details className={styles.more}>
        <summary>Finer settings</summary>
        <div className={styles.controls}>
          <SamplingStrategy sampling={sampling} knob={knob} written={written} />
          <StopAtInput sampling={sampling} />
          {repetitionKnobs.map(knob)}
          {draws && truncationKnobs.map(knob)}
          <Words sampling={sampling} />
          <LogitBiasInput
            value={values.logitBias}
            onChange={(logitBias) => change({ logitBias })}
          />
          {!runLives && <SamplingSeed sampling={sampling} lastSeed={lastSeed} />}
        </div>
      </details>
    </div>
  );
});

function Words({ sampling: { values, change } }: { sampling: SamplingChoice }) {
  const { stop, bannedWords } = samplingLimits;
  return (
    <>
      <TagsInput
        classNames={{ input: styles.tags ?? "" }}
        label="Stop strings"
        description="The run ends before it would write one of these. Enter adds one, Backspace takes the last away."
        splitChars={wholeStrings}
        openOnFocus={false}
        maxTags={stop.maxStrings}
        maxLength={stop.maxCharacters}
        value={values.stop}
        onChange={(next) => void change({ stop: next })}
      />
      <TagsInput
        classNames={{ input: styles.tags ?? "" }}
        label="Banned words"
        description="Never written, with a capital or without; longer words that begin with one may be avoided too. Enter adds one, Backspace takes the last away."
        splitChars={wholeStrings}
        openOnFocus={false}
        maxTags={bannedWords.maxWords}
        maxLength={bannedWords.maxCharacters}
        value={values.bannedWords}
        onChange={(next) => void change({ bannedWords: next.filter((word) => word.trim() !== "") })}
      />
    </>
  );
}

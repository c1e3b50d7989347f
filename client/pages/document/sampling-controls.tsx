import { Button, NumberInput, SegmentedControl, Switch, TagsInput } from "@mantine/core";
import { useState } from "react";
import { samplingLimits, samplingPresets } from "#shared/sampling.ts";
import { firstKnob, furtherKnobs, type Knob } from "./knobs.ts";
import styles from "./sampling-controls.module.css";
import { SamplingKnob } from "./sampling-knob.tsx";
import type { SamplingChoice } from "./use-sampling-choice.ts";

interface SamplingControlsProps {
  sampling: SamplingChoice;
  /** Of the run that lives or was last; null before the first. */
  lastSeed: number | null;
  runLives: boolean;
  /** How many tokens the run which lives has written by now; 0 without one. */
  written: () => number;
}
type LengthProps = Pick<SamplingControlsProps, "sampling" | "written">;

/** How the model writes: presets, the first knobs, and the rest folded away. */
export function SamplingControls({ sampling, lastSeed, runLives, written }: SamplingControlsProps) {
  const { values, change } = sampling;
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
      <Presets sampling={sampling} />
      {knob(firstKnob)}
      <Length sampling={sampling} written={written} />
      <details className={styles.more}>
        <summary>Finer settings</summary>
        <div className={styles.controls}>
          <Switch
            label="Always the likeliest token"
            description="Greedy: the same text writes the same continuation."
            checked={values.strategy === "greedy"}
            onChange={(event) =>
              void change({ strategy: event.currentTarget.checked ? "greedy" : "sample" })
            }
          />
          {furtherKnobs.map(knob)}
          <TagsInput
            label="Stop strings"
            description="The run ends before it would write one of these. Enter adds one."
            maxTags={samplingLimits.stop.maxStrings}
            maxLength={samplingLimits.stop.maxCharacters}
            value={values.stop}
            onChange={(stop) => void change({ stop })}
          />
          {!runLives && <Seed sampling={sampling} lastSeed={lastSeed} />}
        </div>
      </details>
    </div>
  );
}

function Presets({ sampling }: { sampling: SamplingChoice }) {
  const { values, change } = sampling;
  const chosen = samplingPresets.find(
    ({ sampling: { temperature, topK, topP } }) =>
      temperature === values.temperature && topK === values.topK && topP === values.topP,
  );
  return (
    <SegmentedControl
      aria-label="Presets"
      withItemsBorders={false}
      fullWidth
      size="xs"
      value={chosen?.id ?? ""}
      onChange={(id) => {
        const preset = samplingPresets.find((each) => each.id === id);
        if (preset) void change(preset.sampling);
      }}
      data={samplingPresets.map(({ id, name }) => ({ value: id, label: name }))}
    />
  );
}

function Length({ sampling: { values, change }, written }: LengthProps) {
  const { min, max, default: usual } = samplingLimits.maxTokens;
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
      <Switch
        label="Endless"
        checked={isEndless}
        onChange={(event) =>
          void change({ maxTokens: event.currentTarget.checked ? null : written() + usual })
        }
      />
    </div>
  );
}

function Seed({ sampling, lastSeed }: { sampling: SamplingChoice; lastSeed: number | null }) {
  const { min, max } = samplingLimits.seed;
  return (
    <div className={styles.length}>
      <NumberInput
        label="Seed"
        description="The same seed, text and settings write the same words. Empty: a new one each run."
        min={min}
        max={max}
        allowDecimal={false}
        allowNegative={false}
        hideControls
        placeholder="New each run"
        value={sampling.values.seed ?? ""}
        onChange={(next) => void sampling.change({ seed: typeof next === "number" ? next : null })}
      />
      {lastSeed !== null && (
        <Button
          variant="default"
          size="compact-sm"
          onClick={() => void sampling.change({ seed: lastSeed })}
        >
          Use the last one, {lastSeed}
        </Button>
      )}
    </div>
  );
}

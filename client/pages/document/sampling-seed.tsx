import { Button, NumberInput } from "@mantine/core";
import { samplingLimits } from "#shared/sampling.ts";
import styles from "./sampling-controls.module.css";
import type { SamplingChoice } from "./use-sampling-choice.ts";

/** Where the next run's chance comes from. */
export function SamplingSeed({
  sampling,
  lastSeed,
}: {
  sampling: SamplingChoice;
  /** Of the run that was last; null before the first. */
  lastSeed: number | null;
}) {
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

import { Button, SegmentedControl } from "@mantine/core";
import { forms, isPresetChosen, manners, type SamplingPreset } from "#shared/sampling.ts";
import styles from "./sampling-controls.module.css";
import type { ChosenSampling, SamplingChoice } from "./use-sampling-choice.ts";

/** Settings by name: how boldly the model writes, and what it writes as a whole. */
export function SamplingPresets({
  sampling: { values, change },
  written,
}: {
  sampling: SamplingChoice;
  written: () => number;
}) {
  const { seed: _, ...set } = values;
  const isChosen = (preset: SamplingPreset) => isPresetChosen(preset, set);
  const choose = (preset: SamplingPreset) => void change(fieldsOf(preset, written()));
  const form = forms.find(isChosen);
  return (
    <div className={styles.group}>
      <SegmentedControl
        aria-label="Presets"
        withItemsBorders={false}
        fullWidth
        size="xs"
        value={manners.find(isChosen)?.id ?? ""}
        onChange={(id) => {
          const preset = manners.find((each) => each.id === id);
          if (preset) choose(preset);
        }}
        data={manners.map(({ id, name }) => ({ value: id, label: name }))}
      />
      <div className={styles.row}>
        {forms.map((preset) => (
          <Button
            key={preset.id}
            variant="default"
            size="compact-sm"
            aria-pressed={preset === form}
            title={preset.explanation}
            onClick={() => choose(preset)}
          >
            {preset.name}
          </Button>
        ))}
      </div>
      {form && <p className={styles.explanation}>{form.explanation}</p>}
    </div>
  );
}

/** A length counts from where the run is now. */
function fieldsOf({ sampling }: SamplingPreset, written: number): Partial<ChosenSampling> {
  const { seed: _, ...fields } = sampling;
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  // Only undefined values were taken out.
  const preset = Object.fromEntries(named) as Partial<ChosenSampling>;
  if (typeof preset.maxTokens !== "number") return preset;
  return { ...preset, maxTokens: written + preset.maxTokens };
}

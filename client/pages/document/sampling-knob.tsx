import { NumberInput, Slider } from "@mantine/core";
import { useId, useState } from "react";
import { fromSlider, type Knob, knobLimits, sliderScale, toSlider } from "./knobs.ts";
import styles from "./sampling-knob.module.css";

/** One number: its name, its value to type, a slider, and what it does. */
export function SamplingKnob({
  knob,
  value,
  onChange,
}: {
  knob: Knob;
  value: number;
  onChange: (value: number) => Promise<void>;
}) {
  const [turning, setTurning] = useState<number | null>(null);
  const shown = turning ?? value;
  const explanationId = useId();
  const limits = knobLimits(knob.field);
  /** Shows what was chosen until the change counts, or failed. */
  const settle = async (next: number) => {
    setTurning(next);
    if (next !== value) await onChange(next);
    setTurning(null);
  };
  return (
    <div className={styles.knob}>
      <div className={styles.line}>
        <span aria-hidden="true">{knob.name}</span>
        <NumberInput
          aria-label={`${knob.name}, as a number`}
          size="xs"
          hideControls
          value={shown}
          min={limits.min}
          max={limits.max}
          step={knob.step}
          decimalScale={knob.step < 1 ? 2 : 0}
          clampBehavior="blur"
          onChange={(next) => {
            if (typeof next === "number" && next >= limits.min && next <= limits.max) {
              setTurning(next);
            }
          }}
          onBlur={() => void settle(shown)}
          onKeyDown={(event) => {
            if (event.key === "Enter") void settle(shown);
          }}
        />
      </div>
      <Slider
        size={4}
        thumbSize={16}
        label={null}
        thumbLabel={knob.name}
        thumbValueText={String(shown)}
        thumbProps={{ "aria-describedby": explanationId }}
        {...sliderScale(knob)}
        value={toSlider(knob, shown)}
        onChange={(place) => setTurning(fromSlider(knob, place))}
        onChangeEnd={(place) => void settle(fromSlider(knob, place))}
      />
      <p id={explanationId} className={styles.explanation}>
        {knob.explanation}
      </p>
    </div>
  );
}

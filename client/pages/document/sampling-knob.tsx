import { NumberInput, Slider } from "@mantine/core";
import { useEffect, useId, useState } from "react";
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
  onChange: (value: number) => void;
}) {
  const [shown, setShown] = useState(value);
  useEffect(() => setShown(value), [value]);
  const explanationId = useId();
  const limits = knobLimits(knob.field);
  const settle = (next: number) => {
    setShown(next);
    if (next !== value) onChange(next);
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
            if (typeof next === "number" && next >= limits.min && next <= limits.max) settle(next);
          }}
        />
      </div>
      <Slider
        size={4}
        thumbSize={16}
        label={null}
        thumbLabel={knob.name}
        thumbProps={{ "aria-describedby": explanationId, "aria-valuetext": String(shown) }}
        {...sliderScale(knob)}
        value={toSlider(knob, shown)}
        onChange={(place) => setShown(fromSlider(knob, place))}
        onChangeEnd={(place) => settle(fromSlider(knob, place))}
      />
      <p id={explanationId} className={styles.explanation}>
        {knob.explanation}
      </p>
    </div>
  );
}

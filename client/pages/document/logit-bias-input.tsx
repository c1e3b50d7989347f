import { Button, CloseButton, Input, NumberInput } from "@mantine/core";
import { type RefObject, useRef, useState } from "react";
import { samplingLimits } from "#shared/sampling.ts";
import styles from "./sampling-controls.module.css";

type LogitBias = { readonly [tokenId: string]: number };

const { min, max, maxTokens } = samplingLimits.logitBias;
/** As large as the schema lets an id be. */
const largestId = 9_999_999;

/** Single tokens made likelier or less likely, by their ids. */
export function LogitBiasInput({
  value,
  onChange,
}: {
  value: LogitBias;
  onChange: (value: Record<string, number>) => Promise<void>;
}) {
  const entries = Object.entries(value);
  /** Where the keyboard goes on once a line is added, or gone with the button that took it away. */
  const idField = useRef<HTMLInputElement>(null);
  return (
    <Input.Wrapper
      label="Token bias"
      labelElement="div"
      description={`For those who know the model's tokens: added to the score of one, by its id in this model's vocabulary. ${min} all but forbids it, ${max} all but forces it.`}
    >
      {entries.length > 0 && (
        <ul className={styles.biases} aria-label="Token biases">
          {entries.map(([id, bias]) => (
            <li key={id}>
              <span>Token {id}</span>
              <span>{bias > 0 ? `+${bias}` : bias}</span>
              <CloseButton
                size={24}
                aria-label={`Take away the bias of token ${id}`}
                onClick={() => {
                  const { [id]: _, ...rest } = value;
                  void onChange(rest);
                  idField.current?.focus();
                }}
              />
            </li>
          ))}
        </ul>
      )}
      {entries.length < maxTokens && (
        <NewBias idField={idField} onAdd={(id, bias) => void onChange({ ...value, [id]: bias })} />
      )}
    </Input.Wrapper>
  );
}

interface NewBiasProps {
  idField: RefObject<HTMLInputElement | null>;
  onAdd: (id: number, bias: number) => void;
}

function NewBias({ idField, onAdd }: NewBiasProps) {
  // As they are typed: a number, or what is on the way to one ("", "-0.").
  const [id, setId] = useState<number | string>("");
  const [bias, setBias] = useState<number | string>("");
  const isWhole = isBetween(id, 0, largestId) && isBetween(bias, min, max);
  const add = () => {
    if (!isBetween(id, 0, largestId) || !isBetween(bias, min, max)) return;
    onAdd(id, bias);
    setId("");
    setBias("");
    idField.current?.focus();
  };
  const onEnter = (event: { key: string }) => {
    if (event.key === "Enter") add();
  };
  return (
    <div className={styles.newBias}>
      <NumberInput
        ref={idField}
        aria-label="Token id"
        placeholder="Token id"
        size="xs"
        hideControls
        allowDecimal={false}
        allowNegative={false}
        min={0}
        max={largestId}
        value={id}
        onChange={setId}
        onKeyDown={onEnter}
      />
      <NumberInput
        aria-label="Bias"
        placeholder="Bias"
        size="xs"
        hideControls
        decimalScale={2}
        min={min}
        max={max}
        value={bias}
        onChange={setBias}
        onKeyDown={onEnter}
      />
      <Button variant="default" size="xs" disabled={!isWhole} onClick={add}>
        Add
      </Button>
    </div>
  );
}

function isBetween(typed: number | string, least: number, most: number): typed is number {
  return typeof typed === "number" && typed >= least && typed <= most;
}

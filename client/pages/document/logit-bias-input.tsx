import { Button, CloseButton, Input, NumberInput } from "@mantine/core";
import { useState } from "react";
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
  return (
    <Input.Wrapper
      label="Token bias"
      labelElement="div"
      description={`Added to a token's score, by its id in the model's vocabulary: ${min} all but forbids it, ${max} all but forces it.`}
    >
      {entries.length > 0 && (
        <ul className={styles.biases} aria-label="Token biases">
          {entries.map(([id, bias]) => (
            <li key={id}>
              <span>Token {id}</span>
              <span>{bias > 0 ? `+${bias}` : bias}</span>
              <CloseButton
                size="sm"
                aria-label={`Take away the bias of token ${id}`}
                onClick={() => {
                  const { [id]: _, ...rest } = value;
                  void onChange(rest);
                }}
              />
            </li>
          ))}
        </ul>
      )}
      {entries.length < maxTokens && (
        <NewBias onAdd={(id, bias) => void onChange({ ...value, [id]: bias })} />
      )}
    </Input.Wrapper>
  );
}

function NewBias({ onAdd }: { onAdd: (id: number, bias: number) => void }) {
  const [id, setId] = useState<number | null>(null);
  const [bias, setBias] = useState<number | null>(null);
  const isWhole = id !== null && bias !== null;
  const add = () => {
    if (!isWhole) return;
    onAdd(id, bias);
    setId(null);
    setBias(null);
  };
  const onEnter = (event: { key: string }) => {
    if (event.key === "Enter") add();
  };
  return (
    <div className={styles.newBias}>
      <NumberInput
        aria-label="Token id"
        placeholder="Token id"
        size="xs"
        hideControls
        allowDecimal={false}
        allowNegative={false}
        min={0}
        max={largestId}
        value={id ?? ""}
        onChange={(next) => setId(typeof next === "number" ? next : null)}
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
        value={bias ?? ""}
        onChange={(next) => setBias(typeof next === "number" ? next : null)}
        onKeyDown={onEnter}
      />
      <Button variant="default" size="xs" disabled={!isWhole} onClick={add}>
        Add
      </Button>
    </div>
  );
}

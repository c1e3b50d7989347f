import { Button, NumberInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Quota } from "#shared/admin.ts";
import styles from "./popover-form.module.css";

interface QuotaFieldsProps {
  quota: Quota;
  pending: boolean;
  onSave: (quota: Quota) => void;
  /** Other buttons, beside Save. */
  children: ReactNode;
}

/** Tokens a day and runs at once; an empty field is no limit. */
export function QuotaFields({ quota, pending, onSave, children }: QuotaFieldsProps) {
  const [tokens, setTokens] = useState<number | string>(quota.tokensPerDay ?? "");
  const [runs, setRuns] = useState<number | string>(quota.runsAtOnce ?? "");
  const save = (event: FormEvent) => {
    event.preventDefault();
    onSave({ tokensPerDay: limitOf(tokens), runsAtOnce: limitOf(runs) });
  };
  return (
    <form className={styles.form} onSubmit={save}>
      <NumberInput
        label="Tokens a day"
        placeholder="no limit"
        size="xs"
        min={0}
        max={1_000_000_000}
        allowDecimal={false}
        thousandSeparator=","
        data-autofocus
        value={tokens}
        onChange={setTokens}
      />
      <NumberInput
        label="Runs at once"
        placeholder="no limit"
        size="xs"
        min={0}
        max={1000}
        allowDecimal={false}
        value={runs}
        onChange={setRuns}
      />
      <div className={styles.buttons}>
        <Button type="submit" size="xs" aria-busy={pending}>
          Save
        </Button>
        {children}
      </div>
    </form>
  );
}

function limitOf(value: number | string): number | null {
  return value === "" ? null : Number(value);
}

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";

interface TypedFormProps {
  question: string;
  label: string;
  action: string;
  isGrave?: boolean;
  pending: boolean;
  error: Error | null;
  /** Whether what was typed, trimmed, will do. */
  isRight: (typed: string) => boolean;
  onTyped: (typed: string) => void;
  onCancel: () => void;
}

/** Goes on only with the right words typed. */
export function TypedForm(props: TypedFormProps) {
  const { question, label, action, isGrave = false, pending, error, isRight } = props;
  const [typed, setTyped] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isRight(typed.trim()) && !pending) props.onTyped(typed.trim());
  };
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <p>{question}</p>
      <TextInput
        label={label}
        size="xs"
        autoComplete="off"
        data-autofocus
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {error !== null && <Refusal error={error} />}
      <div className={styles.buttons}>
        <Button
          type="submit"
          size="xs"
          variant={isGrave ? "live" : "filled"}
          disabled={!isRight(typed.trim())}
          aria-busy={pending}
        >
          {action}
        </Button>
        <Button size="xs" variant="subtle" onClick={props.onCancel}>
          Leave it
        </Button>
      </div>
    </form>
  );
}

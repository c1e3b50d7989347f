import { Button, Textarea } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";

interface ReasonFormProps {
  /** What is about to happen, and to whom. */
  question: string;
  action: string;
  pending: boolean;
  error: Error | null;
  onReason: (reason: string) => void;
  onCancel: () => void;
}

/** Asks for a reason, in place; sending it is the decision. */
export function ReasonForm(props: ReasonFormProps) {
  const { question, action, pending, error, onReason, onCancel } = props;
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (!pending) onReason(reason.trim());
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <p>{question}</p>
      <Textarea
        label="Reason"
        description="The person reads it. Ctrl and Enter sends it."
        rows={3}
        maxLength={1000}
        data-autofocus
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
        }}
      />
      {error !== null && <Refusal error={error} />}
      <div className={styles.buttons}>
        <Button type="submit" size="xs" variant="live" aria-busy={pending}>
          {action}
        </Button>
        <Button size="xs" variant="subtle" onClick={onCancel}>
          Leave it
        </Button>
      </div>
    </form>
  );
}

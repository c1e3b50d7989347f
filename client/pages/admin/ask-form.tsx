import { Button } from "@mantine/core";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";

interface AskFormProps {
  /** What is about to happen, and to whom. */
  question: string;
  action: string;
  pending: boolean;
  error: Error | null;
  onYes: () => void;
  onCancel: () => void;
}

/** Asks once more, in place. */
export function AskForm({ question, action, pending, error, onYes, onCancel }: AskFormProps) {
  return (
    <div className={styles.form}>
      <p>{question}</p>
      {error !== null && <Refusal error={error} />}
      <div className={styles.buttons}>
        <Button size="xs" data-autofocus aria-busy={pending} onClick={onYes}>
          {action}
        </Button>
        <Button size="xs" variant="subtle" onClick={onCancel}>
          Leave it
        </Button>
      </div>
    </div>
  );
}

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Refusal } from "../../components/refusal.tsx";
import { useFocusAtFirst } from "../../components/use-focus-at-first.ts";
import styles from "./entry-page.module.css";

interface SecondFactorFormProps {
  pending: boolean;
  error: Error | null;
  onCode: (code: string) => void;
  onBack: () => void;
}

/** The code of the authenticator app, or one of the recovery codes. */
export function SecondFactorForm({ pending, error, onCode, onBack }: SecondFactorFormProps) {
  const [code, setCode] = useState("");
  const field = useFocusAtFirst();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim() !== "" && !pending) onCode(code.trim());
  };
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <TextInput
        label="Code"
        description="The six digits that your authenticator app shows, or one of your recovery codes."
        autoComplete="one-time-code"
        ref={field}
        maxLength={16}
        size="md"
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      <Refusal error={error} />
      <Button type="submit" size="md" fullWidth aria-busy={pending}>
        Sign in
      </Button>
      <Button variant="subtle" size="md" fullWidth onClick={onBack}>
        Use another account
      </Button>
    </form>
  );
}

import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { UseMutationResult } from "@tanstack/react-query";
import type { OwnAccount } from "#shared/account.ts";
import type { Confirmation } from "../../api/account.ts";
import { Refusal } from "../../components/refusal.tsx";
import { useFocusAtFirst } from "../../components/use-focus-at-first.ts";
import styles from "./account-page.module.css";

interface ConfirmFormProps<Answer> {
  account: OwnAccount;
  /** What its button does. */
  action: string;
  mutation: UseMutationResult<Answer, Error, Confirmation>;
  onDone?: (answer: Answer) => void;
  onCancel: () => void;
}

/** The password, and a code where there is a second factor: shows that it is the person who sits there. */
export function ConfirmForm<Answer>(props: ConfirmFormProps<Answer>) {
  const { account, action, mutation, onDone, onCancel } = props;
  const field = useFocusAtFirst();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { password: "", totp: "" },
    validate: {
      password: (value) => (value === "" ? "Enter your password" : null),
      totp: (value) => (account.totp && value.trim() === "" ? "Enter the code" : null),
    },
    transformValues: ({ password, totp }): Confirmation =>
      account.totp ? { password, totp: totp.trim() } : { password },
  });
  const submit = form.onSubmit((values) =>
    mutation.mutate(values, { onSuccess: (answer) => onDone?.(answer) }),
  );
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <PasswordInput
        label="Your password"
        autoComplete="current-password"
        ref={field}
        visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
        {...form.getInputProps("password")}
      />
      {account.totp && <CodeInput {...form.getInputProps("totp")} />}
      <div className={styles.buttons}>
        <Button type="submit" variant="default" aria-busy={mutation.isPending}>
          {action}
        </Button>
        <Button variant="subtle" onClick={onCancel}>
          Leave it
        </Button>
      </div>
      {mutation.error && <Refusal error={mutation.error} />}
    </form>
  );
}

function CodeInput(field: { defaultValue?: string; onChange: (value: unknown) => void }) {
  return (
    <TextInput
      label="Code"
      description="The six digits that your authenticator app shows, or one of your recovery codes."
      autoComplete="one-time-code"
      maxLength={16}
      {...field}
    />
  );
}

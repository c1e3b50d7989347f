import { Button, PasswordInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { type OwnAccount, passwordMinimum } from "#shared/account.ts";
import { useChangePassword } from "../../api/account.ts";
import { NewPasswordInput, passwordComplaint } from "../../components/new-password-input.tsx";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./account-page.module.css";

/** Another password; the one of now shows that it is the person who sits there. */
export function PasswordForm({ account }: { account: OwnAccount }) {
  const change = useChangePassword();
  const minimum = account.totp ? passwordMinimum.withTotp : passwordMinimum.alone;
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { current: "", password: "" },
    validate: {
      current: (value) => (value === "" ? "Enter the password of now" : null),
      password: (value) => passwordComplaint(value, minimum),
    },
  });
  const submit = form.onSubmit((values) => change.mutate(values, { onSuccess: form.reset }));
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <PasswordInput
        label="Password of now"
        autoComplete="current-password"
        visibilityToggleButtonProps={{ "aria-label": "Show or hide the password of now" }}
        key={form.key("current")}
        {...form.getInputProps("current")}
      />
      <NewPasswordInput
        minimum={minimum}
        key={form.key("password")}
        {...form.getInputProps("password")}
      />
      <div className={styles.buttons}>
        <Button type="submit" variant="default" aria-busy={change.isPending}>
          Change the password
        </Button>
        {change.isSuccess && (
          <output className={styles.quiet}>Changed. You are signed out everywhere else.</output>
        )}
      </div>
      {change.error && <Refusal error={change.error} />}
    </form>
  );
}

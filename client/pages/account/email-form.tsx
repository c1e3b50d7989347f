import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { OwnAccount } from "#shared/account.ts";
import { useChangeAccount } from "../../api/account.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./account-page.module.css";

/** The email; another one asks for the password, as it decides who gets in. */
export function EmailForm({ account }: { account: OwnAccount }) {
  const change = useChangeAccount();
  const form = useForm({
    initialValues: { email: account.email, password: "" },
    validate: {
      email: (value) => (value.trim().includes("@") ? null : "Enter an email address"),
      password: (value) => (value === "" ? "Enter your password" : null),
    },
  });
  const isOther = form.values.email.trim() !== account.email;
  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onSuccess: () => form.setFieldValue("password", ""),
    }),
  );
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <TextInput
        label="Email"
        type="email"
        autoComplete="email"
        maxLength={254}
        {...form.getInputProps("email")}
      />
      {isOther && (
        <>
          <PasswordInput
            label="Your password"
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
            {...form.getInputProps("password")}
          />
          <div className={styles.buttons}>
            <Button type="submit" variant="default" aria-busy={change.isPending}>
              Change the email
            </Button>
            <Button variant="subtle" onClick={form.reset}>
              Leave it
            </Button>
          </div>
        </>
      )}
      {change.isSuccess && !isOther && <output className={styles.quiet}>Changed</output>}
      {change.error && isOther && <Refusal error={change.error} />}
    </form>
  );
}

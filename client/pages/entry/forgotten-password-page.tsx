import { Button, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "react-router";
import { useRequestPasswordReset } from "../../api/admission.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./entry-page.module.css";
import { EntryPage } from "./entry-page.tsx";

/** Asks for a link by mail; says the same whether there is such an account or not. */
export function ForgottenPasswordPage() {
  const ask = useRequestPasswordReset();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { email: "" },
    validate: {
      email: (value) => (value.trim().includes("@") ? null : "Enter your email address"),
    },
  });
  return (
    <EntryPage title="Forgotten password" heading="Forgot your password?">
      {ask.isSuccess ? (
        <output className={styles.text}>
          {ask.data.mail
            ? "If there is an account for this email, a link to set a new password is on its way to it."
            : "This server sends no mail. Ask an admin: they can make a link for you to set a new password."}
        </output>
      ) : (
        <form
          className={styles.form}
          noValidate
          onSubmit={form.onSubmit(({ email }) => ask.mutate(email.trim()))}
        >
          <TextInput
            label="Email"
            description="A link to set a new password is sent to it."
            type="email"
            autoComplete="username"
            size="md"
            {...form.getInputProps("email")}
          />
          <Refusal error={ask.error} />
          <Button type="submit" size="md" fullWidth aria-busy={ask.isPending}>
            Send the link
          </Button>
        </form>
      )}
      <p className={styles.links}>
        <Link to="/sign-in">Back to sign in</Link>
      </p>
    </EntryPage>
  );
}

import { Button, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link, useLocation, useNavigate } from "react-router";
import { passwordMinimum } from "#shared/account.ts";
import { useResetPassword } from "../../api/admission.ts";
import { ApiError } from "../../api/request.ts";
import { NewPasswordInput, passwordComplaint } from "../../components/new-password-input.tsx";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./entry-page.module.css";
import { EntryPage } from "./entry-page.tsx";

/** `/reset#TOKEN`: sets a new password. The token stands in the fragment, which no server is sent. */
export function ResetPasswordPage() {
  const token = useLocation().hash.slice(1);
  if (token === "") {
    return (
      <EntryPage title="New password" heading="This link is not whole">
        <p className={styles.text}>Open it again from the message, all of it.</p>
        <p className={styles.links}>
          <Link to="/forgotten">Ask for another link</Link>
        </p>
      </EntryPage>
    );
  }
  return (
    <EntryPage title="New password" heading="Set a new password">
      <ResetForm token={token} />
    </EntryPage>
  );
}

function ResetForm({ token }: { token: string }) {
  const reset = useResetPassword();
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { password: "", totp: "" },
    // Whether a second factor makes fewer enough is the server's to say: it knows the account.
    validate: { password: (value) => passwordComplaint(value, passwordMinimum.withTotp) },
  });
  const asksForCode =
    reset.variables?.totp !== undefined || isCodeOf(reset.error, ["totp_required", "invalid_totp"]);
  const said = "Your password is set. Sign in with it.";
  const submit = form.onSubmit(({ password, totp }) =>
    reset.mutate(
      totp.trim() === "" ? { token, password } : { token, password, totp: totp.trim() },
      {
        onSuccess: () => void navigate("/sign-in", { replace: true, state: { said } }),
      },
    ),
  );
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <NewPasswordInput
        minimum={passwordMinimum.alone}
        size="md"
        {...form.getInputProps("password")}
      />
      {asksForCode && (
        <TextInput
          label="Code"
          description="The six digits that your authenticator app shows, or one of your recovery codes."
          autoComplete="one-time-code"
          maxLength={16}
          size="md"
          {...form.getInputProps("totp")}
        />
      )}
      <Refusal error={isCodeOf(reset.error, ["totp_required"]) ? null : reset.error} />
      <Button type="submit" size="md" fullWidth aria-busy={reset.isPending}>
        Set the password
      </Button>
    </form>
  );
}

function isCodeOf(error: Error | null, codes: readonly string[]): boolean {
  return error instanceof ApiError && codes.includes(error.code);
}

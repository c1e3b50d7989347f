import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link, Navigate, useLocation } from "react-router";
import { ApiError } from "../../api/request.ts";
import { type SignInChoice, useMe, useSignIn } from "../../api/session.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./entry-page.module.css";
import { EntryPage } from "./entry-page.tsx";
import { NotLetIn, saysNotLetIn } from "./not-let-in.tsx";
import { SecondFactorForm } from "./second-factor-form.tsx";

/** Email and password, then the second factor where there is one; leads back to where one wanted to go. */
export function SignInPage() {
  const me = useMe();
  const location = useLocation();
  const signIn = useSignIn();
  if (me.data) return <Navigate to={cameFrom(location.state)} replace />;

  const asked = signIn.variables;
  if (asked !== undefined && (asked.totp !== undefined || isCode(signIn.error, "totp_required"))) {
    const { email, password } = asked;
    return (
      <EntryPage title="Sign in" heading="Your second factor">
        <SecondFactorForm
          pending={signIn.isPending}
          error={isCode(signIn.error, "totp_required") ? null : signIn.error}
          onCode={(totp) => signIn.mutate({ email, password, totp })}
          onBack={signIn.reset}
        />
      </EntryPage>
    );
  }
  return (
    <EntryPage title="Sign in">
      <Said state={location.state} />
      {saysNotLetIn(signIn.error) && <NotLetIn error={signIn.error} />}
      <PasswordForm
        pending={signIn.isPending}
        error={saysNotLetIn(signIn.error) ? null : signIn.error}
        onSubmit={(choice) => signIn.mutate(choice)}
      />
      <p className={styles.links}>
        <Link to="/sign-up">Ask to join</Link>
        <Link to="/forgotten">Forgot your password?</Link>
      </p>
    </EntryPage>
  );
}

interface PasswordFormProps {
  pending: boolean;
  error: Error | null;
  onSubmit: (choice: SignInChoice) => void;
}

function PasswordForm({ pending, error, onSubmit }: PasswordFormProps) {
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { email: "", password: "" },
    validate: {
      email: (value) => (value.trim().includes("@") ? null : "Enter your email address"),
      password: (value) => (value === "" ? "Enter your password" : null),
    },
  });
  return (
    <form className={styles.form} noValidate onSubmit={form.onSubmit(onSubmit)}>
      <TextInput
        label="Email"
        type="email"
        autoComplete="username"
        size="md"
        {...form.getInputProps("email")}
      />
      <PasswordInput
        label="Password"
        autoComplete="current-password"
        size="md"
        visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
        {...form.getInputProps("password")}
      />
      <Refusal error={error} />
      <Button type="submit" size="md" fullWidth aria-busy={pending}>
        Sign in
      </Button>
    </form>
  );
}

/** What happened on the page before: signed out, password changed, account deleted. */
function Said({ state }: { state: unknown }) {
  if (typeof state !== "object" || state === null) return null;
  if ("said" in state && typeof state.said === "string")
    return <output className={styles.said}>{state.said}</output>;
  if ("wasIn" in state && state.wasIn === true)
    return <p className={styles.said}>You are signed out. Sign in to go on where you were.</p>;
  return null;
}

function isCode(error: Error | null, code: string): boolean {
  return error instanceof ApiError && error.code === code;
}

/** The address that asked for signing in; only an address of this site counts. */
function cameFrom(state: unknown): string {
  if (typeof state !== "object" || state === null || !("from" in state)) return "/";
  const { from } = state;
  return typeof from === "string" && from.startsWith("/") && !from.startsWith("//") ? from : "/";
}

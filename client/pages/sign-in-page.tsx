import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect } from "react";
import { Navigate, useLocation } from "react-router";
import { sentenceOf } from "../api/request.ts";
import { useMe, useSignIn } from "../api/session.ts";
import styles from "./sign-in-page.module.css";

/** Email and password; leads back to where the person wanted to go. */
export function SignInPage() {
  const me = useMe();
  const location = useLocation();
  const signIn = useSignIn();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { email: "", password: "" },
    validate: {
      email: (value) => (value.trim().includes("@") ? null : "Enter your email address"),
      password: (value) => (value === "" ? "Enter your password" : null),
    },
  });
  useEffect(() => {
    document.title = "Sign in · Palimpsest";
  }, []);

  if (me.data) return <Navigate to={cameFrom(location.state)} replace />;
  return (
    <main className={styles.page}>
      <div className={styles.column}>
        <h1 className={styles.name}>
          Palimpsest
          <span className={styles.caret} aria-hidden="true" />
        </h1>
        <p className={styles.promise}>
          A manuscript that a language model writes and people write over, live.
        </p>
        {wasSignedIn(location.state) && (
          <p className={styles.ended}>You are signed out. Sign in to go on where you were.</p>
        )}
        <form noValidate onSubmit={form.onSubmit((values) => signIn.mutate(values))}>
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
          <p className={styles.refusal} role="alert">
            {signIn.error ? sentenceOf(signIn.error) : ""}
          </p>
          <Button type="submit" size="md" fullWidth aria-busy={signIn.isPending}>
            Sign in
          </Button>
        </form>
      </div>
    </main>
  );
}

/** Whether a page of this account stood open a moment ago. */
function wasSignedIn(state: unknown): boolean {
  return typeof state === "object" && state !== null && "wasIn" in state && state.wasIn === true;
}

/** The address that asked for signing in; only an address of this site counts. */
function cameFrom(state: unknown): string {
  if (typeof state !== "object" || state === null || !("from" in state)) return "/";
  const { from } = state;
  return typeof from === "string" && from.startsWith("/") && !from.startsWith("//") ? from : "/";
}

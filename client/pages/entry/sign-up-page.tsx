import { Button, Radio, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "react-router";
import { passwordMinimum, type SignUpInput } from "#shared/account.ts";
import { useSignUp } from "../../api/admission.ts";
import { NewPasswordInput, passwordComplaint } from "../../components/new-password-input.tsx";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./entry-page.module.css";
import { EntryPage } from "./entry-page.tsx";

/** Asks to join; an admin decides. */
export function SignUpPage() {
  const signUp = useSignUp();
  if (signUp.isSuccess) {
    return (
      <EntryPage title="Awaiting approval" heading="Awaiting approval">
        <output className={styles.text}>
          An admin will look at your request. Until then signing in says how it stands.
        </output>
        <p className={styles.links}>
          <Link to="/sign-in">Go to the sign-in page</Link>
        </p>
      </EntryPage>
    );
  }
  return (
    <EntryPage title="Ask to join" heading="Ask to join. An admin decides.">
      <SignUpForm
        pending={signUp.isPending}
        error={signUp.error}
        onSubmit={(input) => signUp.mutate(input)}
      />
      <p className={styles.links}>
        <span>
          You have an account? <Link to="/sign-in">Sign in</Link>
        </span>
      </p>
    </EntryPage>
  );
}

interface SignUpFormProps {
  pending: boolean;
  error: Error | null;
  onSubmit: (input: SignUpInput) => void;
}

function SignUpForm({ pending, error, onSubmit }: SignUpFormProps) {
  const form = useForm({
    mode: "uncontrolled",
    initialValues: {
      role: "editor",
      name: "",
      email: "",
      organisation: "",
      reason: "",
      password: "",
    },
    validate: {
      name: (value) => (value.trim() === "" ? "Enter your name" : null),
      email: (value) => (value.trim().includes("@") ? null : "Enter your email address"),
      password: (value) => passwordComplaint(value, passwordMinimum.alone),
    },
    transformValues: ({ role, organisation, reason, ...values }): SignUpInput => ({
      ...values,
      role: role === "sponsor" ? "sponsor" : "editor",
      ...(organisation.trim() === "" ? {} : { organisation }),
      ...(reason.trim() === "" ? {} : { reason }),
    }),
  });
  return (
    <form className={styles.form} noValidate onSubmit={form.onSubmit(onSubmit)}>
      <RoleChoice {...form.getInputProps("role")} />
      <TextInput
        label="Name"
        description="Others see it beside what you write."
        autoComplete="name"
        maxLength={100}
        size="md"
        {...form.getInputProps("name")}
      />
      <TextInput
        label="Email"
        type="email"
        autoComplete="username"
        maxLength={254}
        size="md"
        {...form.getInputProps("email")}
      />
      <TextInput
        label="Organisation (optional)"
        autoComplete="organization"
        maxLength={200}
        size="md"
        {...form.getInputProps("organisation")}
      />
      <Textarea
        label="Why you would like to join (optional)"
        description="The admin who decides reads it."
        rows={3}
        maxLength={1000}
        size="md"
        {...form.getInputProps("reason")}
      />
      <NewPasswordInput
        label="Password"
        minimum={passwordMinimum.alone}
        size="md"
        {...form.getInputProps("password")}
      />
      <Refusal error={error} />
      <Button type="submit" size="md" fullWidth aria-busy={pending}>
        Ask to join
      </Button>
    </form>
  );
}

/** Takes what the form gives a field. */
function RoleChoice(field: { defaultValue?: string; onChange: (value: string) => void }) {
  return (
    <Radio.Group label="I want to join as" size="md" {...field}>
      <div className={styles.roles}>
        <Radio
          value="editor"
          label="Editor"
          description="Writes in documents that others share with them."
        />
        <Radio
          value="sponsor"
          label="Sponsor"
          description="Owns documents, sets the model to writing, lets others in."
        />
      </div>
    </Radio.Group>
  );
}

import { Button, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { OwnAccount } from "#shared/account.ts";
import { useChangeAccount } from "../../api/account.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./account-page.module.css";

/** Name and organisation. */
export function ProfileForm({ account }: { account: OwnAccount }) {
  const change = useChangeAccount();
  const form = useForm({
    initialValues: { name: account.name, organisation: account.organisation ?? "" },
    validate: { name: (value) => (value.trim() === "" ? "Enter your name" : null) },
  });
  const submit = form.onSubmit(({ name, organisation }) =>
    change.mutate(
      { name, organisation: organisation.trim() === "" ? null : organisation },
      { onSuccess: () => form.resetDirty() },
    ),
  );
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <TextInput label="Name" autoComplete="name" maxLength={100} {...form.getInputProps("name")} />
      <TextInput
        label="Organisation"
        autoComplete="organization"
        maxLength={200}
        {...form.getInputProps("organisation")}
      />
      <div className={styles.buttons}>
        <Button type="submit" variant="default" aria-busy={change.isPending}>
          Save
        </Button>
        {change.isSuccess && !form.isDirty() && <output className={styles.quiet}>Saved</output>}
      </div>
      {change.error && <Refusal error={change.error} />}
    </form>
  );
}

import { Button, PasswordInput, Radio, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import type { DeleteAccountInput, OwnAccount } from "#shared/account.ts";
import { useDeleteAccount } from "../../api/account.ts";
import { documentsQuery } from "../../api/documents.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./account-page.module.css";

/** Deletes the account, once it has been said what becomes of one's documents, and the email typed. */
export function DeleteAccount({ account }: { account: OwnAccount }) {
  const [open, setOpen] = useState(false);
  if (open) return <DeleteForm account={account} onCancel={() => setOpen(false)} />;
  return (
    <div className={styles.buttons}>
      <Button variant="default" onClick={() => setOpen(true)}>
        Delete your account…
      </Button>
    </div>
  );
}

interface DeleteFormProps {
  account: OwnAccount;
  onCancel: () => void;
}

function DeleteForm({ account, onCancel }: DeleteFormProps) {
  const documents = useQuery(documentsQuery);
  const owned = (documents.data ?? []).filter(({ role }) => role === "owner").length;
  const remove = useDeleteAccount(account.id);
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { fate: "purge", heir: "", password: "", totp: "", typed: "" },
    validate: {
      heir: (value, { fate }) =>
        owned > 0 && fate === "give" && !value.includes("@") ? "Enter the sponsor’s email" : null,
      password: (value) => (value === "" ? "Enter your password" : null),
      totp: (value) => (account.totp && value.trim() === "" ? "Enter the code" : null),
      typed: (value) => (value.trim() === account.email ? null : `Type ${account.email}`),
    },
    transformValues: ({ fate, heir, password, totp }): DeleteAccountInput => ({
      password,
      ...(account.totp ? { totp: totp.trim() } : {}),
      ...(owned > 0 && fate === "give" ? { giveDocumentsTo: heir.trim() } : {}),
    }),
  });
  const said = "Your account is deleted.";
  // Awaited, as this form is gone by then, and nobody calls back a form that is gone.
  const submit = form.onSubmit((input) =>
    remove.mutateAsync(input).then(
      () => navigate("/sign-in", { replace: true, state: { said } }),
      () => undefined, // stands below the form
    ),
  );
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <p>
        Your name and email go. What you wrote in documents of others stays, as written by “a former
        member”.
      </p>
      {owned > 0 && (
        <Radio.Group
          label={owned === 1 ? "Your document" : `Your ${owned} documents`}
          {...form.getInputProps("fate")}
        >
          <div className={styles.form}>
            <Radio
              value="purge"
              label="Delete, after a time in which an admin can still save them"
            />
            <Radio value="give" label="Give to another sponsor" />
          </div>
        </Radio.Group>
      )}
      {owned > 0 && form.values.fate === "give" && (
        <TextInput label="Their email" type="email" {...form.getInputProps("heir")} />
      )}
      <PasswordInput
        label="Your password"
        autoComplete="current-password"
        visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
        {...form.getInputProps("password")}
      />
      {account.totp && (
        <TextInput
          label="Code"
          autoComplete="one-time-code"
          maxLength={16}
          {...form.getInputProps("totp")}
        />
      )}
      <TextInput
        label={`Type ${account.email}, so that nothing goes by a slip`}
        autoComplete="off"
        {...form.getInputProps("typed")}
      />
      <div className={styles.buttons}>
        <Button type="submit" variant="live" aria-busy={remove.isPending}>
          Delete the account
        </Button>
        <Button variant="subtle" onClick={onCancel}>
          Leave it
        </Button>
      </div>
      {remove.error && <Refusal error={remove.error} />}
    </form>
  );
}

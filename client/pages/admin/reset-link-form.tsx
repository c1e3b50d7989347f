import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import type { AdminUser } from "#shared/admin.ts";
import { useMakeResetLink } from "../../api/admin-users.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";

interface ResetLinkFormProps {
  user: AdminUser;
  onClose: () => void;
}

/** Makes a link by which the person sets a new password, and shows it this once. */
export function ResetLinkForm({ user, onClose }: ResetLinkFormProps) {
  const [removeTotp, setRemoveTotp] = useState(false);
  const make = useMakeResetLink();
  if (make.data) {
    const until = new Date(make.data.expiresAt).toLocaleString("en-GB", {
      dateStyle: "medium",
      timeStyle: "short",
    });
    return (
      <div className={styles.form}>
        <p>
          Give this to {user.name} by a way that you trust. It works once, until {until}, and is
          shown only now.
        </p>
        <code className={styles.link}>{make.data.url}</code>
        <div className={styles.buttons}>
          <CopyButton text={make.data.url} />
          <Button variant="subtle" onClick={onClose}>
            Done
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className={styles.form}>
      <p>Make a link by which {user.name} sets a new password? A link of before no longer works.</p>
      {user.totp && (
        <Checkbox
          label="They have lost their second factor: turn it off too"
          checked={removeTotp}
          onChange={(event) => setRemoveTotp(event.currentTarget.checked)}
        />
      )}
      {make.error !== null && <Refusal error={make.error} />}
      <div className={styles.buttons}>
        <Button
          size="xs"
          data-autofocus
          aria-busy={make.isPending}
          onClick={() => make.mutate({ id: user.id, removeTotp })}
        >
          Make the link
        </Button>
        <Button size="xs" variant="subtle" onClick={onClose}>
          Leave it
        </Button>
      </div>
    </div>
  );
}

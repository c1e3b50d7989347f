import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { AdminUser } from "#shared/admin.ts";
import { quotaQuery, useChangeQuota } from "../../api/admin-users.ts";
import { grouped } from "../../components/grouped.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";
import { QuotaFields } from "./quota-fields.tsx";

interface QuotaFormProps {
  user: AdminUser;
  onClose: () => void;
}

/** What one account may spend on the model; without limits of its own the default holds. */
export function QuotaForm({ user, onClose }: QuotaFormProps) {
  const quota = useQuery(quotaQuery(user.id));
  const change = useChangeQuota(user.id);
  if (quota.data === undefined) return <Refusal error={quota.error} />;
  const { own, usedToday, runsNow } = quota.data;
  return (
    <div className={styles.form}>
      <p>
        Limits of {user.name}
        <br />
        <span className={styles.quiet}>
          {own ? "Their own." : "The default."} Today {grouped(usedToday)} tokens, now {runsNow}{" "}
          {runsNow === 1 ? "run" : "runs"}.
        </span>
      </p>
      <QuotaFields
        quota={quota.data}
        pending={change.isPending}
        onSave={(next) => change.mutate(next, { onSuccess: onClose })}
      >
        {own && (
          <Button
            size="xs"
            variant="default"
            onClick={() => change.mutate(null, { onSuccess: onClose })}
          >
            Use the default
          </Button>
        )}
        <Button size="xs" variant="subtle" onClick={onClose}>
          Leave it
        </Button>
      </QuotaFields>
      {change.error !== null && <Refusal error={change.error} />}
    </div>
  );
}

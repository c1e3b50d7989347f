import { Button, Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { defaultQuotaQuery, useChangeDefaultQuota } from "../../api/admin-users.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./popover-form.module.css";
import { QuotaFields } from "./quota-fields.tsx";

/** The limits of everyone without limits of their own. */
export function DefaultQuotaPopover() {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} width={300} position="bottom-start">
      <Popover.Target>
        <Button size="xs" variant="default" onClick={() => setOpened(!opened)}>
          Limits for all…
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Limits for all">
        {opened && <DefaultQuotaForm onClose={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}

function DefaultQuotaForm({ onClose }: { onClose: () => void }) {
  const quota = useQuery(defaultQuotaQuery);
  const change = useChangeDefaultQuota();
  if (quota.data === undefined) return <Refusal error={quota.error} />;
  return (
    <div className={styles.form}>
      <p>What each sponsor may spend on the model, unless they have limits of their own.</p>
      <QuotaFields
        quota={quota.data}
        pending={change.isPending}
        onSave={(next) => change.mutate(next, { onSuccess: onClose })}
      >
        <Button size="xs" variant="subtle" onClick={onClose}>
          Leave it
        </Button>
      </QuotaFields>
      {change.error !== null && <Refusal error={change.error} />}
    </div>
  );
}

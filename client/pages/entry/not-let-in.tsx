import { ApiError } from "../../api/request.ts";
import styles from "./entry-page.module.css";
import { LeftWords } from "./left-words.tsx";

/** Whether the password was right and the account may not come in. */
export function saysNotLetIn(error: Error | null): error is ApiError {
  return (
    error instanceof ApiError &&
    ["account_pending", "account_rejected", "account_suspended"].includes(error.code)
  );
}

/** Why the account may not come in, with what the admin wrote, and the words it left here. */
export function NotLetIn({ error }: { error: ApiError }) {
  const reason = error.details?.reason;
  const hasReason = typeof reason === "string" && reason !== "";
  const accountId = error.details?.accountId;
  return (
    <>
      <div className={styles.said} role="alert">
        <p>{sentences[error.code] ?? error.message}</p>
        {hasReason && <p>The admin wrote: “{reason}”</p>}
      </div>
      {typeof accountId === "string" && <LeftWords accountId={accountId} />}
    </>
  );
}

const sentences: Readonly<Record<string, string>> = {
  account_pending: "Awaiting approval. An admin will look at your request.",
  account_rejected: "An admin has rejected your request.",
  account_suspended: "Your account is suspended.",
};

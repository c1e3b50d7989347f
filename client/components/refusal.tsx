import { Navigate } from "react-router";
import { ApiError, sentenceOf } from "../api/request.ts";
import styles from "./refusal.module.css";

/** Says why something did not work; a line is kept free for it, so that nothing jumps. */
export function Refusal({ error }: { error: Error | null }) {
  if (asksForSecondFactor(error)) return <Navigate to="/account" replace />;
  return (
    <p className={styles.refusal} role="alert">
      {error === null ? "" : sentenceOf(error)}
    </p>
  );
}

/** An admin in production has to set up a second factor before anything else. */
function asksForSecondFactor(error: Error | null): boolean {
  return error instanceof ApiError && error.code === "totp_setup_required";
}

/** SQLSTATE classes and codes: connection exceptions, too many connections, shutdown, starting up. */
const unavailableStates = /^(08...|53300|57P0[1-5])$/;

/** Deadlocks and serialisation failures: the transaction was rolled back and may be tried again. */
const retryableStates = /^(40001|40P01)$/;

const systemCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
]);

/** What `pg` itself says without a code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|timeout expired)/;

/**
 * Whether the database did not answer (it went away, restarts, or refuses connections), as opposed
 * to having refused the statement. Whether a commit that failed so happened is not known.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  const { code } = error as { code?: unknown };
  if (typeof code === "string") {
    if (unavailableStates.test(code) || systemCodes.has(code)) return true;
  }
  return messages.test(error.message) || isDatabaseUnavailable(error.cause);
}

/** Whether the database rolled the transaction back for the sake of another one. */
export function isTransactionConflict(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && retryableStates.test(code);
}

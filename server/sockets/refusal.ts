/** What a refused client's `connect_error` carries. */
export function refusal(
  code: string,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): Error {
  const told = details === undefined ? { code, message } : { code, message, details };
  return Object.assign(new Error(message), { data: told });
}

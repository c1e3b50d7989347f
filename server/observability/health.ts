/** What must hold before the server takes work; each says whether it holds now. */
export type ReadinessChecks = Readonly<Record<string, () => boolean | Promise<boolean>>>;

export interface Readiness {
  ready: boolean;
  checks: Record<string, boolean>;
}

/** Asks every check; one that throws does not hold. */
export async function readReadiness(checks: ReadinessChecks): Promise<Readiness> {
  const entries = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await holds(check)] as const),
  );
  return { ready: entries.every(([, held]) => held), checks: Object.fromEntries(entries) };
}

async function holds(check: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await check();
  } catch {
    return false;
  }
}

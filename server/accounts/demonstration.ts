import { ConflictError } from "../errors.ts";
import type { Accounts, NewAccount } from "./accounts.ts";

const password = "palimpsest-demo";

/** The accounts of the demonstration; never made in production or on a Postgres installation. */
export const demonstrationAccounts: readonly NewAccount[] = [
  { email: "admin@demo.test", name: "Ada", role: "admin", password },
  { email: "sponsor@demo.test", name: "Sofia", role: "sponsor", password },
  { email: "sponsor2@demo.test", name: "Sam", role: "sponsor", password },
  { email: "editor@demo.test", name: "Edith", role: "editor", password },
];

/** Makes those that are missing. */
export async function createDemonstrationAccounts(accounts: Accounts): Promise<void> {
  await Promise.all(
    demonstrationAccounts.map(async (account) => {
      try {
        await accounts.createAccount(account);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
      }
    }),
  );
}

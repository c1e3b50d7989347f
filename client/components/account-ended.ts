import { createContext, useContext } from "react";
import type { AccountEnded } from "#shared/socket-events.ts";

const AccountEndedContext = createContext<AccountEnded | null>(null);

/** Says to the pages below how the account ended while they were open; null: it has not. */
export const AccountEndedProvider = AccountEndedContext.Provider;

/** How the account ended while this page was open; null: it has not. */
export function useAccountEnded(): AccountEnded | null {
  return useContext(AccountEndedContext);
}

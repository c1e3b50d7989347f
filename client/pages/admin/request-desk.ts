import { createContext, useContext } from "react";
import type { AdminUser } from "#shared/admin.ts";

/** What can be done with the requests on the page, and what was. */
export interface RequestDesk {
  rows: readonly AdminUser[];
  chosen: ReadonlySet<string>;
  choose: (id: string, isChosen: boolean) => void;
  chooseAll: (isChosen: boolean) => void;
  /** The chosen ones, where there are any; else this one. */
  concerned: (id: string) => readonly string[];
  approve: (ids: readonly string[]) => void;
  /** Those whose rejection waits for a reason. */
  rejecting: readonly string[];
  askReason: (ids: readonly string[]) => void;
  reject: (reason: string) => void;
  pending: boolean;
  error: Error | null;
  /** What was done last. */
  said: string;
}

const DeskContext = createContext<RequestDesk | null>(null);

/** Lets the cells of the table act. */
export const RequestDeskProvider = DeskContext.Provider;

/** The desk that a cell stands on. Throws outside of one. */
export function useDesk(): RequestDesk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("a request's cell needs a RequestDeskProvider above it");
  return desk;
}

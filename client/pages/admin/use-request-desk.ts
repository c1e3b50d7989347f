import { useState } from "react";
import type { AdminUser } from "#shared/admin.ts";
import { useDecide, useDecideMany } from "../../api/admin-users.ts";
import type { RequestDesk } from "./request-desk.ts";

/** Holds what is chosen among the requests, and decides. */
export function useRequestDesk(rows: readonly AdminUser[]): RequestDesk {
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [rejecting, setRejecting] = useState<readonly string[]>([]);
  const [said, setSaid] = useState("");
  const one = useDecide();
  const many = useDecideMany();
  // What another admin has decided meanwhile is no longer there to be chosen.
  const chosen = new Set(rows.map(({ id }) => id).filter((id) => marked.has(id)));
  const decide = (decision: "approve" | "reject", ids: readonly string[], reason: string) => {
    const [id] = ids;
    if (id === undefined || one.isPending || many.isPending) return;
    one.reset();
    many.reset();
    const finish = (sentence: string) => {
      setSaid(sentence);
      setMarked(new Set());
      setRejecting([]);
    };
    const verb = decision === "approve" ? "Approved" : "Rejected";
    if (ids.length === 1) {
      const onSuccess = ({ name }: AdminUser) => finish(`${verb} ${name}.`);
      one.mutate({ id, decision, reason }, { onSuccess });
      return;
    }
    many.mutate(
      { ids: [...ids], decision, reason },
      {
        onSuccess: ({ users, refused }) =>
          finish([`${verb} ${users.length}.`, ...refused.map(({ message }) => message)].join(" ")),
      },
    );
  };
  return {
    rows,
    chosen,
    choose: (id, isChosen) => {
      const next = new Set(chosen);
      if (isChosen) next.add(id);
      else next.delete(id);
      setMarked(next);
    },
    chooseAll: (isChosen) => setMarked(new Set(isChosen ? rows.map(({ id }) => id) : [])),
    concerned: (id) => (chosen.size > 0 ? [...chosen] : [id]),
    approve: (ids) => decide("approve", ids, ""),
    rejecting,
    askReason: setRejecting,
    reject: (reason) => decide("reject", rejecting, reason),
    pending: one.isPending || many.isPending,
    error: one.error ?? many.error,
    said,
  };
}

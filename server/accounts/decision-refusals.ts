import type { Kysely } from "kysely";
import type { AccountStatus } from "#shared/permissions.ts";
import type { Tables } from "../database/tables.ts";
import { ConflictError } from "../errors.ts";
import type { HeldAccount } from "./account-lock.ts";

/** 409: the account is not in a state for this decision; says who brought it there, when and why. */
export async function alreadyDecided(
  kysely: Kysely<Tables>,
  account: HeldAccount,
): Promise<ConflictError> {
  const { name, status, status_reason: reason, status_changed_at: at } = account;
  if (status === "pending")
    return new ConflictError(
      "not_decided",
      `The request of ${name} still waits: approve or decline it.`,
      { status },
    );
  const by = await findDecider(kysely, account.status_changed_by);
  const why = reason === null ? "" : ` The reason given: “${reason}”`;
  return new ConflictError("already_decided", `${sentences[status](name, by?.name)}${why}`, {
    status,
    reason,
    by: by ?? null,
    at: at?.toISOString() ?? null,
  });
}

/** 409: whoever becomes an editor owns no documents. */
export function ownsDocuments(name: string, count: number): ConflictError {
  const documents = count === 1 ? "a document" : `${count} documents`;
  const them = count === 1 ? "it" : "them";
  return new ConflictError(
    "owns_documents",
    `${name} owns ${documents}, and an editor owns none. Give ${them} to another owner first.`,
    { count },
  );
}

type Sentence = (name: string, decider: string | undefined) => string;

const sentences: { readonly [status in Exclude<AccountStatus, "pending">]: Sentence } = {
  active: (name, decider) =>
    decider === undefined
      ? `The account of ${name} is active already.`
      : `${decider} has let ${name} in already.`,
  rejected: (name, decider) =>
    decider === undefined
      ? `The request of ${name} was declined already.`
      : `${decider} has declined the request of ${name} already.`,
  suspended: (name, decider) =>
    decider === undefined
      ? `The account of ${name} is suspended already.`
      : `${decider} has suspended ${name} already.`,
};

async function findDecider(kysely: Kysely<Tables>, id: string | null) {
  if (id === null) return undefined;
  return kysely.selectFrom("users").select(["id", "name"]).where("id", "=", id).executeTakeFirst();
}

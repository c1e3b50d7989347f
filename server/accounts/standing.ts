import type { AccountStatus } from "#shared/permissions.ts";
import { AppError } from "../errors.ts";

type Inactive = Exclude<AccountStatus, "active">;

/** Whose account it is; by its id a browser finds the words of it that it alone has. */
interface NotLetIn {
  id: string;
  status_reason: string | null;
}

/** What is said after the right password of an account that is not active, in the admin's words too. */
export function notActive(status: Inactive, account: NotLetIn): AppError {
  const { id: accountId, status_reason: reason } = account;
  const why = reason === null ? "" : ` The administrator wrote: “${reason}”`;
  return new AppError(`account_${status}`, 403, `${messages[status]}${why}${advice[status]}`, {
    details: { reason, accountId },
  });
}

const messages: { readonly [status in Inactive]: string } = {
  pending: "Your account is awaiting approval by an administrator.",
  rejected: "Your request for an account was declined.",
  suspended: "Your account is suspended.",
};

const advice: { readonly [status in Inactive]: string } = {
  pending: "",
  rejected: " You may ask again with the same email and password.",
  suspended: "",
};

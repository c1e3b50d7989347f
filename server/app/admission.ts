import { type AccountDecisions, createAccountDecisions } from "../accounts/account-decisions.ts";
import type { AccountList } from "../accounts/account-list.ts";
import { createSignUp, type SignUp } from "../accounts/sign-up.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Mail } from "../mail/mail.ts";
import type { News } from "./news.ts";

/** Who asks to come in, and what admins decide. */
export interface Admission {
  signUp: SignUp;
  accountDecisions: AccountDecisions;
  list: AccountList;
}

interface AdmissionOptions {
  database: Database;
  list: AccountList;
  audit: AuditLog;
  mail: Mail;
  news: News;
  /** The one to show in mails. */
  origin: string;
}

export function createAdmission({ news, ...parts }: AdmissionOptions): Admission {
  const onQueueChanged = () => news.queueChanged();
  return {
    list: parts.list,
    signUp: createSignUp({ ...parts, onQueueChanged }),
    accountDecisions: createAccountDecisions({
      ...parts,
      onAccountChanged: (accountId, ended) => news.accountChanged(accountId, ended),
      onQueueChanged,
    }),
  };
}

import type { AuditEvent } from "#shared/admin.ts";
import type { AuditAction } from "#shared/audit.ts";

/** What someone did to another; `own`: what they did to what is their own, or to nobody. */
interface Phrase {
  other: string;
  own?: string;
}

const phrases: { readonly [action in AuditAction]: Phrase } = {
  "account.signed_up": { other: "asked to join as" },
  "account.created": { other: "made the account of", own: "made an account" },
  "account.approved": { other: "approved" },
  "account.rejected": { other: "rejected" },
  "account.suspended": { other: "suspended" },
  "account.reinstated": { other: "reinstated" },
  "account.role_changed": { other: "changed the role of", own: "changed their role" },
  "account.sessions_ended": { other: "ended the sessions of", own: "ended their other sessions" },
  "account.profile_changed": { other: "changed the profile of", own: "changed their profile" },
  "account.password_changed": { other: "changed the password of", own: "changed their password" },
  "account.password_reset_linked": {
    other: "made a reset link for",
    own: "asked for a reset link",
  },
  "account.password_reset": { other: "set a new password for", own: "set a new password by link" },
  "account.totp_enabled": {
    other: "turned on the second factor of",
    own: "turned on a second factor",
  },
  "account.totp_disabled": {
    other: "turned off the second factor of",
    own: "turned off their second factor",
  },
  "account.recovery_code_used": { other: "used a recovery code of", own: "used a recovery code" },
  "account.recovery_codes_renewed": {
    other: "made new recovery codes of",
    own: "made new recovery codes",
  },
  "account.exported": { other: "downloaded the data of", own: "downloaded their data" },
  "account.deleted": { other: "deleted the account of", own: "deleted their account" },
  "session.signed_in": { other: "signed in as", own: "signed in" },
  "session.refused": { other: "was refused at sign-in as", own: "was refused at sign-in" },
  "session.signed_out": { other: "signed out", own: "signed out" },
  "session.ended": { other: "ended a session of", own: "ended a session of theirs" },
  "document.created": { other: "created" },
  "document.archived": { other: "archived" },
  "document.restored": { other: "brought back" },
  "document.shared": { other: "shared" },
  "document.unshared": { other: "took someone off" },
  "document.given": { other: "gave away" },
  "document.purged": { other: "purged" },
  "run.ended": { other: "ended a run in" },
  "quota.changed": { other: "changed the limits of", own: "changed the limits of everyone" },
  "audit.exported": { other: "downloaded the log" },
  "console.statement": { other: "ran a statement in the console" },
  "model.added": { other: "added the model" },
  "model.removed": { other: "removed the model" },
  "model.default_changed": { other: "made the default model" },
};

/** What an action is called in a list of actions. */
export function nameOfAction(action: AuditAction): string {
  return phrases[action].own ?? phrases[action].other;
}

/** Targets that have no name beside the one who acts: a session, the limits of everyone. */
const ownKinds: readonly string[] = ["session", "quota"];

/** "Ada approved Ben", "Ada signed in" */
export function phraseOf({ action, actor, target }: AuditEvent): string {
  const { other, own = other } = phrases[action];
  const name = target?.name ?? undefined;
  if (action === "account.signed_up") return `${name ?? "Someone"} asked to join`;
  const who = actor?.name ?? "Someone";
  const isOwn = target === null || target.id === actor?.id || ownKinds.includes(target.kind);
  if (isOwn) return `${who} ${own}`;
  return `${who} ${other} ${name ?? `a ${target.kind}`}`;
}

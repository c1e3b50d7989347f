/** What the audit log keeps: each action, as `subject.verb`. */
export const auditActions = [
  "account.signed_up",
  "account.created",
  "account.approved",
  "account.rejected",
  "account.suspended",
  "account.reinstated",
  "account.role_changed",
  "account.sessions_ended",
  "account.profile_changed",
  "account.password_changed",
  "account.password_reset_linked",
  "account.password_reset",
  "account.totp_enabled",
  "account.totp_disabled",
  "account.recovery_code_used",
  "account.exported",
  "account.deleted",
  "session.signed_in",
  "session.refused",
  "session.signed_out",
  "session.ended",
  "document.created",
  "document.archived",
  "document.restored",
  "document.shared",
  "document.unshared",
  "document.given",
  "document.purged",
  "run.ended",
  "quota.changed",
  "audit.exported",
  "console.statement",
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditTargetKinds = ["account", "document", "run", "session", "quota"] as const;
export type AuditTargetKind = (typeof auditTargetKinds)[number];

import { expect, test } from "vitest";
import type { AuditEvent } from "#shared/admin.ts";
import { phraseOf } from "./audit-phrases.ts";

const event: AuditEvent = {
  id: 1,
  createdAt: "2026-01-01T00:00:00Z",
  action: "account.approved",
  actor: { id: "ada", name: "Ada" },
  target: { kind: "account", id: "ben", name: "Ben" },
  address: null,
  requestId: null,
  details: {},
};

test.each<[Partial<AuditEvent>, string]>([
  [{}, "Ada approved Ben"],
  [{ action: "account.signed_up", actor: null }, "Ben asked to join"],
  [{ action: "account.role_changed" }, "Ada changed the role of Ben"],
  [
    { action: "account.password_changed", target: { kind: "account", id: "ada", name: "Ada" } },
    "Ada changed their password",
  ],
  [{ action: "session.refused", actor: null, target: null }, "Someone was refused at sign-in"],
  [{ action: "session.refused", actor: null }, "Someone was refused at sign-in as Ben"],
  [
    { action: "quota.changed", target: { kind: "quota", id: "default", name: null } },
    "Ada changed the limits of everyone",
  ],
  [{ action: "quota.changed" }, "Ada changed the limits of Ben"],
  [
    { action: "document.purged", target: { kind: "document", id: "d", name: null } },
    "Ada purged a document",
  ],
])("an event of the log reads as a sentence: %#", (changes, phrase) => {
  expect(phraseOf({ ...event, ...changes })).toBe(phrase);
});

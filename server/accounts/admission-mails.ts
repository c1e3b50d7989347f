import type { SignUpInput } from "#shared/account.ts";
import type { Decision } from "#shared/admin.ts";
import type { OutgoingMail } from "../mail/mail.ts";

/** Whom a mail is for, and where the page is. */
interface Reader {
  email: string;
  name: string;
  /** The page's origin. */
  origin: string;
}

/** Tells an admin that somebody asks to join. */
export function requestMail(
  { email: to, name, origin }: Reader,
  request: SignUpInput,
): OutgoingMail {
  const { organisation, reason } = request;
  return {
    to,
    subject: `${request.name} asks to join Palimpsest`,
    body: paragraphs(
      `Hello ${name},`,
      `${request.name} <${request.email}> asks to join as ${articled(request.role)}.`,
      organisation ? `Organisation: ${organisation}` : undefined,
      reason ? `They wrote:\n${quoted(reason)}` : undefined,
      `Approve or decline the request here:\n${origin}/admin/requests`,
    ),
  };
}

/** Tells a person what an admin decided. */
export function decisionMail(
  decision: Decision,
  { email: to, name, origin }: Reader,
  reason: string | null,
): OutgoingMail {
  const { subject, sentence } = decisionTexts[decision];
  const goesOn = decision === "approve" || decision === "reinstate";
  return {
    to,
    subject,
    body: paragraphs(
      `Hello ${name},`,
      sentence,
      reason === null ? undefined : `The administrator wrote:\n${quoted(reason)}`,
      goesOn ? `Sign in here:\n${origin}` : undefined,
    ),
  };
}

/** Tells somebody who has an account that his email was used to ask for one. */
export function knownEmailMail({ email: to, name, origin }: Reader): OutgoingMail {
  return {
    to,
    subject: "You have a Palimpsest account already",
    body: paragraphs(
      `Hello ${name},`,
      "Somebody, probably you, asked for an account with this email. There is one already, and nothing about it has changed.",
      `Sign in to see how it stands, or ask for a new password there:\n${origin}`,
      "If it was not you, there is nothing to do.",
    ),
  };
}

const decisionTexts: Readonly<Record<Decision, { subject: string; sentence: string }>> = {
  approve: {
    subject: "Welcome to Palimpsest",
    sentence: "Your request was approved: you can sign in now.",
  },
  reject: {
    subject: "Your request to join Palimpsest",
    sentence:
      "Your request for an account was declined. You may ask again with the same email and password.",
  },
  suspend: {
    subject: "Your Palimpsest account is suspended",
    sentence: "Your account was suspended. Your documents are kept, but you cannot sign in.",
  },
  reinstate: {
    subject: "Your Palimpsest account is active again",
    sentence: "Your account was reinstated: you can sign in again.",
  },
};

function paragraphs(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("\n\n");
}

/** What somebody wrote is marked as his, so that it cannot pass for ours. */
function quoted(text: string): string {
  return text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}

function articled(role: string): string {
  return /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`;
}

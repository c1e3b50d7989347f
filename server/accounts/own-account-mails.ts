import type { OutgoingMail } from "../mail/mail.ts";

const notYou =
  "If it was not you, tell an administrator of your Palimpsest at once: somebody else may be in your account.";

/** To the old address. */
export function emailChanged({ to, email }: { to: string; email: string }): OutgoingMail {
  const body = `You sign in to Palimpsest with ${email} from now on, no longer with this address.\n\n${notYou}\n`;
  return { to, subject: "Your email at Palimpsest was changed", body };
}

/** To whoever's password was changed or set anew. */
export function passwordChanged({ to }: { to: string }): OutgoingMail {
  const body = `The password of your Palimpsest account was changed, and everywhere else you were signed out.\n\n${notYou}\n`;
  return { to, subject: "Your password at Palimpsest was changed", body };
}

/** After the second factor was set up or taken off. */
export function totpChanged({ to, on }: { to: string; on: boolean }): OutgoingMail {
  const what = on
    ? "Signing in to your Palimpsest account asks for a code of your authenticator app from now on."
    : "Signing in to your Palimpsest account no longer asks for a code of an authenticator app.";
  const subject = `The second factor of your Palimpsest account was ${on ? "set up" : "taken off"}`;
  return { to, subject, body: `${what}\n\n${notYou}\n` };
}

/** The link that sets a new password. */
export function resetLink({ to, url }: { to: string; url: string }): OutgoingMail {
  const body = `Somebody, probably you, asked for a new password for your Palimpsest account. Choose one within an hour here:\n\n${url}\n\nThe link works once. If you did not ask for it, do nothing: your password stays as it is.\n`;
  return { to, subject: "A new password for Palimpsest", body };
}

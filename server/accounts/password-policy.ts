import { dictionary } from "@zxcvbn-ts/language-common";
import { passwordMaximum, passwordMinimum } from "#shared/account.ts";
import { InvalidError } from "../errors.ts";

/** A password that somebody chooses, and whose it is to be. */
export interface ChosenPassword {
  password: string;
  email: string;
  name: string;
  /** A second factor is asked for as well, so that a shorter one is enough. */
  withTotp: boolean;
}

/**
 * Throws InvalidError about the field `password` when it is short, overlong or easily guessed.
 * Length counts, kinds of characters do not (NIST SP 800-63B, section 3.1.1.2).
 */
export function refuseWeakPassword({ password, email, name, withTotp }: ChosenPassword): void {
  // As it is hashed.
  const characters = Array.from(password.normalize("NFKC"));
  const minimum = withTotp ? passwordMinimum.withTotp : passwordMinimum.alone;
  if (characters.length < minimum)
    throw weak(`The password needs at least ${minimum} characters. A few words do well.`);
  if (characters.length > passwordMaximum)
    throw weak(`The password may have at most ${passwordMaximum} characters.`);
  const folded = characters.join("").toLowerCase();
  if (isCommon(folded))
    throw weak("This is among the passwords that are tried first. Choose another.");
  const own = ownWords({ email, name }).find((word) => containsWord(folded, word));
  if (own !== undefined)
    throw weak(`The password must not contain “${own}”: that would be guessed first.`);
}

/** In the list, or one short or listed piece over and over. */
function isCommon(folded: string): boolean {
  if (dictionary["passwords-common"].includes(folded)) return true;
  const piece = /^(.+?)\1+$/su.exec(folded)?.[1];
  if (piece === undefined) return false;
  return Array.from(piece).length < passwordMinimum.withTotp || isCommon(piece);
}

/** What whoever attacks this very account tries first. */
function ownWords({ email, name }: { email: string; name: string }): string[] {
  const localPart = email.split("@")[0] ?? "";
  return ["palimpsest", email, localPart, name]
    .map((word) => word.normalize("NFKC").trim().toLowerCase())
    .filter((word) => word !== "");
}

/** Not as a part of a longer word: “Ann” may choose “cannot”. */
function containsWord(text: string, word: string): boolean {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, "u").test(text);
}

function weak(message: string): InvalidError {
  return new InvalidError(message, { field: "password" });
}

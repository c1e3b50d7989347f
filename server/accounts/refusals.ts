import { AppError, InvalidError } from "../errors.ts";
import type { SecondFactorProblem } from "./second-factor.ts";

const messages: { readonly [problem in SecondFactorProblem]: string } = {
  totp_required: "Type the six digits that your authenticator app shows, or a recovery code.",
  invalid_totp:
    "This code is not right, or was used already. Wait for the next one, or use a recovery code.",
};

/** 401 while signing in, 403 where somebody is signed in already. */
export function secondFactorRefusal(problem: SecondFactorProblem, status: 401 | 403): AppError {
  return new AppError(problem, status, messages[problem], { details: { field: "totp" } });
}

/** 403: whoever is signed in did not type the account's password. */
export function wrongPassword(field: string): AppError {
  const message = "This is not the password of your account.";
  return new AppError("wrong_password", 403, message, { details: { field } });
}

/** 400: not the code of the authenticator app that is being set up. */
export function wrongSetupCode(): InvalidError {
  const message = "This is not the code that the app shows now. Check that its clock is right.";
  return new InvalidError(message, { field: "code" });
}

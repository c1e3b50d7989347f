import { useMutation } from "@tanstack/react-query";
import { passwordResetAskedSchema, type SignUpInput } from "#shared/account.ts";
import { request, requestNothing } from "./request.ts";

/** Asks to join; the answer is the same for an email that has an account. */
export function useSignUp() {
  return useMutation({
    mutationFn: (input: SignUpInput) => requestNothing("POST", "/api/sign-up", input),
  });
}

/** Asks for a link by mail; the answer tells nobody whether there is such an account. */
export function useRequestPasswordReset() {
  return useMutation({
    mutationFn: (email: string) =>
      request("POST", "/api/password-resets", passwordResetAskedSchema, { email }),
  });
}

/** Sets a new password with a link's token. */
export function useResetPassword() {
  return useMutation({
    mutationFn: (input: { token: string; password: string; totp?: string }) =>
      requestNothing("POST", "/api/password-resets/use", input),
  });
}

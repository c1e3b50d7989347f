import { PasswordInput, type PasswordInputProps } from "@mantine/core";

interface NewPasswordInputProps extends Omit<PasswordInputProps, "description"> {
  /** The fewest characters that are taken. */
  minimum: number;
}

/** A new password, with the one thing that makes it good; it can be looked at while it is typed. */
export function NewPasswordInput({ minimum, ...props }: NewPasswordInputProps) {
  return (
    <PasswordInput
      label="New password"
      autoComplete="new-password"
      description={`At least ${minimum} characters. A few words that only you would put together are good; spaces count.`}
      visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
      {...props}
    />
  );
}

/** What is wrong with a new password before it is sent; null: nothing. */
export function passwordComplaint(password: string, minimum: number): string | null {
  if (password === "") return "Choose a password";
  const missing = minimum - Array.from(password).length;
  if (missing <= 0) return null;
  return missing === 1 ? "One character more" : `${missing} characters more`;
}

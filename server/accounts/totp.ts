import { Secret, TOTP } from "otpauth";

const periodSeconds = 30;
/** Codes of the step before and the one after count too: clocks differ, and people type slowly. */
const windowSteps = 1;

/** A new secret, base32 of 160 random bits (RFC 4226, section 4). */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** What an authenticator app reads from the picture: an `otpauth:` address. */
export function totpUri(secret: string, email: string): string {
  return totpOf(secret, email).toString();
}

/** The time step whose code this is (RFC 6238); undefined: not a code of now. */
export function totpStep(secret: string, code: string, now: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const delta = totpOf(secret).validate({ token: code, timestamp: now, window: windowSteps });
  return delta === null ? undefined : Math.floor(now / 1000 / periodSeconds) + delta;
}

function totpOf(secret: string, label = ""): TOTP {
  return new TOTP({
    issuer: "Palimpsest",
    label,
    algorithm: "SHA1",
    digits: 6,
    period: periodSeconds,
    secret: Secret.fromBase32(secret),
  });
}

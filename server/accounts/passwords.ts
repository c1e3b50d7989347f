import { createHash } from "node:crypto";
import { hash, hashRaw, verify } from "@node-rs/argon2";

/** OWASP's argon2id setting for one lane: 19 MiB, two passes (about 15 ms). */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** The argon2id hash of a password, in PHC format with its own salt. */
export async function hashPassword(password: string): Promise<string> {
  return hash(password.normalize("NFKC"), cost);
}

/** Whether it is the password of that hash. */
export async function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  return verify(passwordHash, password.normalize("NFKC"));
}

/**
 * The argon2id of a short secret, hex. The same secret of the same account has the same hash, so that
 * one look-up finds it.
 */
export async function hashShortSecret(secret: string, accountId: string): Promise<string> {
  const salt = createHash("sha256").update(`recovery code ${accountId}`).digest().subarray(0, 16);
  return (await hashRaw(secret, { ...cost, salt })).toString("hex");
}

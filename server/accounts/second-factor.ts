import type { Kysely } from "kysely";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Tables } from "../database/tables.ts";
import type { Sender } from "../http/sender.ts";
import { hashTypedCode, useRecoveryCode } from "./recovery-codes.ts";
import { totpStep } from "./totp.ts";

/** What is wrong with the code; the caller says it with its own status. */
export type SecondFactorProblem = "totp_required" | "invalid_totp";

export interface SecondFactor {
  /**
   * Works out, outside any transaction, what a person typed as second factor of this account.
   * undefined: nothing was typed.
   */
  read(account: SecondFactorOf, typed: string | undefined): Promise<TypedFactor | undefined>;
  /**
   * Uses it up in `transaction`: each code is taken once, also of two at the same moment. Resolves
   * with what is wrong; undefined: nothing, or the account has no second factor.
   */
  take(
    transaction: Kysely<Tables>,
    account: SecondFactorOf,
    typed: TypedFactor | undefined,
    sender: Sender,
  ): Promise<SecondFactorProblem | undefined>;
}

/** Whose it is. */
export interface SecondFactorOf {
  id: string;
  totp_secret: string | null;
}

/** A code of a time step, the hash of a recovery code, or neither. */
export interface TypedFactor {
  /** Of which the step is. */
  secret: string;
  step: number | undefined;
  codeHash: string | undefined;
}

export function createSecondFactor(options: { audit: AuditLog; now: () => number }): SecondFactor {
  const { audit, now } = options;
  return {
    async read({ id, totp_secret }, typed) {
      if (typed === undefined || typed.trim() === "" || totp_secret === null) return undefined;
      const step = totpStep(totp_secret, typed.replace(/\s/g, ""), now());
      const codeHash = step === undefined ? await hashTypedCode(typed, id) : undefined;
      return { secret: totp_secret, step, codeHash };
    },

    async take(transaction, { id, totp_secret }, typed, sender) {
      if (totp_secret === null) return undefined;
      if (typed === undefined) return "totp_required";
      const { secret, step, codeHash } = typed;
      // Set up anew between the reading and now.
      if (secret !== totp_secret) return "invalid_totp";
      if (step !== undefined && (await takeStep(transaction, id, step))) return undefined;
      if (codeHash === undefined || !(await useRecoveryCode(transaction, id, codeHash)))
        return "invalid_totp";
      const target = { kind: "account", id } as const;
      await audit.record(
        { action: "account.recovery_code_used", actorId: id, target, sender },
        transaction,
      );
      return undefined;
    },
  };
}

/** Only a step later than the last one that was taken counts. */
async function takeStep(transaction: Kysely<Tables>, id: string, step: number): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable("users")
    .set({ totp_last_step: step })
    .where("id", "=", id)
    .where((where) =>
      where.or([where("totp_last_step", "is", null), where("totp_last_step", "<", step)]),
    )
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

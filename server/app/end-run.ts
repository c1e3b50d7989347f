import type { Actor } from "#shared/permissions.ts";
import { isLive, type Run } from "#shared/run.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { ConflictError } from "../errors.ts";
import type { Generation, RunCommandInput } from "../generation/generation.ts";
import type { Sender } from "../http/sender.ts";

/** Ends runs for a reason that is not in the document. */
export interface EndRun {
  /** An admin's command: kept in the audit log. Throws what stopping throws. */
  asAdmin(actor: Actor, input: RunCommandInput, sender: Sender): Promise<Run>;
  /** Ends the document's run if it has one; that it ended meanwhile is as good. */
  ifLive(actor: Actor, documentId: string): Promise<void>;
}

export function createEndRun(options: { generation: Generation; audit: AuditLog }): EndRun {
  const { generation, audit } = options;
  return {
    async asAdmin(actor, input, sender) {
      const { documentId } = input;
      return generation.stop(actor, input, (run, transaction) => {
        const target = { kind: "run", id: run.id } as const;
        const entry = { action: "run.ended", actorId: actor.id, target, sender } as const;
        return audit.record({ ...entry, details: { documentId } }, transaction);
      });
    },

    async ifLive(actor, documentId) {
      const run = (await generation.latest([documentId])).get(documentId);
      if (run === undefined || !isLive(run.state)) return;
      try {
        await generation.stop(actor, { documentId });
      } catch (error) {
        if (!(error instanceof ConflictError && error.code === "illegal_transition")) throw error;
      }
    },
  };
}

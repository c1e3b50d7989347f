import type { Actor } from "#shared/permissions.ts";
import { isLive } from "#shared/run.ts";
import { ConflictError } from "../errors.ts";
import type { Generation } from "../generation/generation.ts";

/** Pauses a document's run if one is going; that it ended meanwhile is as good. */
export function createPauseRun(generation: Generation) {
  return async (actor: Actor, documentId: string): Promise<void> => {
    const run = (await generation.latest([documentId])).get(documentId);
    if (run === undefined || !isLive(run.state) || run.state === "paused") return;
    try {
      await generation.pause(actor, { documentId });
    } catch (error) {
      if (!(error instanceof ConflictError && error.code === "illegal_transition")) throw error;
    }
  };
}

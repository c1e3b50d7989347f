import { mayGlobally } from "#shared/permissions.ts";
import type { DocumentPolicy } from "../documents/access.ts";
import { NotFoundError } from "../errors.ts";
import type { Generation } from "../generation/generation.ts";
import type { EventHandlers } from "../sockets/event-line.ts";
import type { EndRun } from "./end-run.ts";

interface EventHandlersOptions {
  policy: DocumentPolicy;
  generation: Generation;
  endRun: EndRun;
}

/** What each Socket.IO event asks of documents and generation. */
export function createEventHandlers(options: EventHandlersOptions): EventHandlers {
  const { policy, generation, endRun } = options;
  return {
    async "document:join"(actor, { documentId }) {
      const { role } = await policy.requireAccess(actor, documentId, "read");
      if (role === null) throw new NotFoundError();
      return { role, run: (await generation.latest([documentId])).get(documentId) ?? null };
    },
    "run:start": async (actor, input) => ({ run: await generation.start(actor, input) }),
    "run:pause": async (actor, input) => ({ run: await generation.pause(actor, input) }),
    "run:resume": async (actor, input) => ({ run: await generation.resume(actor, input) }),
    "run:stop": async (actor, input, sender) => ({
      run: mayGlobally(actor.role, "administer")
        ? await endRun.asAdmin(actor, input, sender)
        : await generation.stop(actor, input),
    }),
    "run:tune": async (actor, input) => ({ run: await generation.tune(actor, input) }),
  };
}

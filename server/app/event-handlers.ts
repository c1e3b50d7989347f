import type { DocumentPolicy } from "../documents/access.ts";
import { NotFoundError } from "../errors.ts";
import type { Generation } from "../generation/generation.ts";
import type { EventHandlers } from "../sockets/event-line.ts";

/** What each Socket.IO event asks of documents and generation. */
export function createEventHandlers(policy: DocumentPolicy, generation: Generation): EventHandlers {
  return {
    async "document:join"(actor, { documentId }) {
      const { role } = await policy.requireAccess(actor, documentId, "read");
      if (role === null) throw new NotFoundError();
      return { role, run: (await generation.latest([documentId])).get(documentId) ?? null };
    },
    "run:start": async (actor, input) => ({ run: await generation.start(actor, input) }),
    "run:pause": async (actor, input) => ({ run: await generation.pause(actor, input) }),
    "run:resume": async (actor, input) => ({ run: await generation.resume(actor, input) }),
    "run:stop": async (actor, input) => ({ run: await generation.stop(actor, input) }),
    "run:tune": async (actor, input) => ({ run: await generation.tune(actor, input) }),
  };
}

import type { Awareness } from "y-protocols/awareness";
import { z } from "zod";

const presenceSchema = z.object({
  user: z.object({ id: z.string(), name: z.string(), role: z.string() }).optional(),
  cursor: z.object({ anchor: z.unknown(), head: z.unknown() }).nullish(),
  composing: z.boolean().optional(),
});

/** Someone else who has the document open. */
export interface Person {
  clientId: number;
  user: { id: string; name: string; role: string };
  cursor: { anchor: unknown; head: unknown } | null;
  composing: boolean;
}

/** The others, in order of their client ids; states without the server's stamp are nobody's. */
export function peopleIn(awareness: Awareness): Person[] {
  const people: Person[] = [];
  for (const [clientId, state] of awareness.getStates()) {
    if (clientId === awareness.clientID) continue;
    const parsed = presenceSchema.safeParse(state);
    if (!parsed.success || parsed.data.user === undefined) continue;
    const { user, cursor, composing = false } = parsed.data;
    people.push({
      clientId,
      user,
      cursor: cursor ? { anchor: cursor.anchor, head: cursor.head } : null,
      composing,
    });
  }
  return people.sort((left, right) => left.clientId - right.clientId);
}

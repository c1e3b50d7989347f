import { sql } from "kysely";
import { expect } from "vitest";
import * as Y from "yjs";
import type { Database } from "../../server/database/database.ts";
import { walkCharacters } from "../../server/generation/characters.ts";

/** What the database says that runs wrote in a document, against what its text holds. */
export interface WrittenText {
  /** The tokens' texts of all runs, in the order in which they were written. */
  tokens: string;
  /** The visible characters that runs own by item id, in the order of the text. */
  owned: string;
  /** Characters whose colour says otherwise: a run's without its mark, any others with one. */
  wronglyMarked: number;
}

/** Reads both; fails where a token's number is missing or doubled, or two runs own one character. */
export async function readWrittenText(
  { kysely }: Pick<Database, "kysely">,
  documentId: string,
  body: Y.Text,
): Promise<WrittenText> {
  const tokens = await kysely
    .selectFrom("run_tokens")
    .innerJoin("runs", "runs.id", "run_tokens.run_id")
    .select(["run_id", "index", "text"])
    .where("document_id", "=", documentId)
    .orderBy("created_at")
    .orderBy("index")
    .execute();
  const next = new Map<string, number>();
  for (const { run_id, index } of tokens) {
    expect(index).toBe(next.get(run_id) ?? 0);
    next.set(run_id, index + 1);
  }
  const items = await kysely
    .selectFrom("run_items")
    .innerJoin("runs", "runs.id", "run_items.run_id")
    .select(["run_id", "client", "clock_from", "clock_to"])
    .where("document_id", "=", documentId)
    .orderBy("client")
    .orderBy("clock_from")
    .execute();
  items.forEach((item, place) => {
    const before = items[place - 1];
    if (before?.client === item.client)
      expect(item.clock_from).toBeGreaterThanOrEqual(before.clock_to);
  });
  let owned = "";
  let wronglyMarked = 0;
  for (const run of walkCharacters(body, 0, body.length)) {
    for (let unit = 0; unit < run.text.length; unit++) {
      const clock = run.clock + unit;
      const owner = items.find(
        (item) => item.client === run.client && clock >= item.clock_from && clock < item.clock_to,
      );
      if (owner !== undefined) owned += run.text[unit];
      if (owner?.run_id !== run.attributes.run) wronglyMarked++;
    }
  }
  return { tokens: tokens.map(({ text }) => text).join(""), owned, wronglyMarked };
}

/** Every update of a document's log has the next number. */
export async function expectGaplessLog(
  { kysely }: Pick<Database, "kysely">,
  documentId: string,
): Promise<void> {
  const log = await kysely
    .selectFrom("document_updates")
    .select([sql<number>`count(*)::int`.as("rows"), sql<number>`max(seq)::int`.as("last")])
    .where("document_id", "=", documentId)
    .executeTakeFirstOrThrow();
  expect(log.rows).toBe(log.last);
}

/** The ids of the characters that runs inserted, as the log of updates has them. */
export async function idsInserted(
  { kysely }: Pick<Database, "kysely">,
  documentId: string,
): Promise<string[]> {
  const rows = await kysely
    .selectFrom("document_updates")
    .select("payload")
    .where("document_id", "=", documentId)
    .where("origin", "=", "run")
    .execute();
  const items = rows
    .flatMap(({ payload }) => Y.decodeUpdate(payload).structs)
    .filter((struct) => struct instanceof Y.Item && struct.content instanceof Y.ContentString);
  return items
    .flatMap(({ id, length }) =>
      Array.from({ length }, (_, unit) => `${id.client}:${id.clock + unit}`),
    )
    .sort();
}

/** The ids of the characters that the rows of runs claim. */
export async function idsClaimed(
  { kysely }: Pick<Database, "kysely">,
  documentId: string,
): Promise<string[]> {
  const rows = await kysely
    .selectFrom("run_items")
    .innerJoin("runs", "runs.id", "run_items.run_id")
    .select(["client", "clock_from", "clock_to"])
    .where("document_id", "=", documentId)
    .execute();
  return rows
    .flatMap(({ client, clock_from, clock_to }) =>
      Array.from({ length: clock_to - clock_from }, (_, unit) => `${client}:${clock_from + unit}`),
    )
    .sort();
}

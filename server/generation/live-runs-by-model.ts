import { liveRunStates } from "#shared/run.ts";
import type { Database } from "../database/database.ts";

/** How many runs live with each model, the paused ones too; models without any are not in it. */
export async function liveRunsByModel({ kysely }: Database): Promise<Map<string, number>> {
  const rows = await kysely
    .selectFrom("runs")
    .select(["model", (eb) => eb.fn.countAll<number>().as("count")])
    .where("state", "in", [...liveRunStates])
    .groupBy("model")
    .execute();
  return new Map(rows.map(({ model, count }) => [model, count]));
}

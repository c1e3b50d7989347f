import { bodyOf } from "./caret.ts";
import { mendRunMarks } from "./own-marks.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunRecord } from "./run-record.ts";

/**
 * At a run's end: puts the marks of all of the document's runs right, earlier ones' too. That it
 * fails is logged, no more: the next run's end does it again.
 */
export async function mendMarksAtEnd(
  { store, rooms, logger }: Pick<RunDependencies, "store" | "rooms" | "logger">,
  { id: runId, documentId, startedBy }: RunRecord,
): Promise<void> {
  try {
    const owned = await store.ownedRanges(documentId);
    const room = await rooms.open(documentId);
    const origin = { kind: "run", runId, actorId: startedBy.id } as const;
    await room
      .write(origin, (doc) => mendRunMarks(bodyOf(doc), owned))
      .finally(() => room.release());
  } catch (error) {
    logger.warn({ err: error, runId }, "run marks not mended");
  }
}

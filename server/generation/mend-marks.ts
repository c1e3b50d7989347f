import { bodyOf } from "./caret.ts";
import { type ForeignWords, foreignWords, mendRunMarks } from "./own-marks.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunRecord } from "./run-record.ts";
import type { RunStore } from "./run-store.ts";

/** Fewer characters than this say too little about who wrote them. */
const fewestBroughtBack = 8;

/**
 * At a run's end: puts the marks of all of the document's runs right, earlier ones' too. Words that
 * people took from a run and brought back, by an undo or an earlier version, keep its colour. That
 * it fails is logged, no more: the next run's end does it again.
 */
export async function mendMarksAtEnd(
  { store, rooms, logger }: Pick<RunDependencies, "store" | "rooms" | "logger">,
  { id: runId, documentId, startedBy }: RunRecord,
): Promise<void> {
  try {
    const owned = await store.ownedRanges(documentId);
    const room = await rooms.open(documentId);
    try {
      const keepsMark = await broughtBack(store, foreignWords(bodyOf(room.doc), owned));
      const origin = { kind: "run", runId, actorId: startedBy.id } as const;
      await room.write(origin, (doc) => mendRunMarks(bodyOf(doc), owned, keepsMark));
    } finally {
      room.release();
    }
  } catch (error) {
    logger.warn({ err: error, runId }, "run marks not mended");
  }
}

/** Whether words stand in what the run that they are marked with has written. */
async function broughtBack(
  store: Pick<RunStore, "writtenText">,
  foreign: readonly ForeignWords[],
): Promise<(words: ForeignWords) => boolean> {
  const written = new Map<string, string>();
  for (const { run, text } of foreign) {
    if (text.length < fewestBroughtBack || written.has(run)) continue;
    written.set(run, await store.writtenText(run));
  }
  return ({ run, text }) =>
    text.length >= fewestBroughtBack && (written.get(run)?.includes(text) ?? false);
}

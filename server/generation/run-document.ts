import { NotFoundError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import { countedTokens } from "../inference/token-history.ts";
import type { OpenRoom } from "../sync/types.ts";
import { type Baseline, baselineBefore } from "./caret.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunRecord } from "./run-record.ts";
import { RunText, type RunTextEvents } from "./run-text.ts";
import { createTokenMap, groupPieces, type TokenMap } from "./token-map.ts";

/** A run's hold on its open document. */
export interface RunDocument {
  readonly room: OpenRoom;
  readonly text: RunText;
  readonly model: LoadedModel;
  /** Ids that the run had written when the document was opened, the newest of them. */
  readonly written: readonly number[];
  release(): void;
}

export interface RunDocumentEvents extends RunTextEvents {
  /** The room was discarded; the document has to be opened again. */
  onDiscarded(error: Error): void;
  /** Whether somebody composes (input method) at the caret now. */
  onComposing(composes: boolean): void;
}

export interface HoldOptions {
  deps: RunDependencies;
  record: RunRecord;
  model: LoadedModel;
  /** Released with the document. */
  room: OpenRoom;
  /** The document as it was when the run last wrote, or was started. */
  baseline: Baseline;
  /** Text that stands before every prompt. */
  memory: string;
  /** Ids of the text that the run wrote before. */
  map?: TokenMap;
  /** The newest ids that the run wrote before. */
  written?: readonly number[];
  events: RunDocumentEvents;
}

/** The memory's part of the context. */
const memoryShare = 1 / 4;

/** Takes hold of a document whose room is open. */
export function holdDocument(options: HoldOptions): RunDocument {
  const { deps, record, model, room, baseline, memory, map, events } = options;
  const text = new RunText({
    room,
    record,
    model,
    store: deps.store,
    spending: deps.spending,
    memory: memoryIds(model, memory),
    baseline,
    map: map ?? createTokenMap(),
    events,
  });
  const stopDiscarded = room.onDiscarded((error) => events.onDiscarded(error));
  const stopPresence = room.onPresence(() => events.onComposing(text.composesAtCaret()));
  return {
    room,
    text,
    model,
    written: options.written ?? [],
    release() {
      stopDiscarded();
      stopPresence();
      text.close();
      room.release();
    },
  };
}

/**
 * Opens a run's document as the database has it: only what was committed counts as written. Throws
 * NotFoundError where the document or the run is gone.
 */
export async function reopenDocument(
  options: Pick<HoldOptions, "deps" | "record" | "model" | "events">,
): Promise<RunDocument> {
  const { deps, record, model } = options;
  const { store, rooms } = deps;
  const room = await rooms.open(record.documentId);
  try {
    const stored = await store.find(record.id);
    if (stored === undefined) throw new NotFoundError();
    const baseline = baselineBefore(await store.updatesSince(stored));
    const { contextTokens } = model.engine.model;
    const newest = await store.newestTokens(record.id, Math.max(contextTokens, countedTokens));
    const written = newest.map(({ id }) => id);
    const pieces = groupPieces(newest.slice(-contextTokens), model.tokenizer, undefined);
    const map = createTokenMap(pieces);
    const { memory } = await store.settings(record.documentId);
    record.tokens = stored.tokens;
    record.caret = stored.caret;
    return holdDocument({ ...options, room, baseline, memory, map, written });
  } catch (error) {
    room.release();
    throw error;
  }
}

function memoryIds({ engine, tokenizer }: LoadedModel, memory: string): number[] {
  if (memory === "") return [];
  const most = Math.floor(engine.model.contextTokens * memoryShare);
  return tokenizer.encode(memory.endsWith("\n") ? memory : `${memory}\n`).slice(0, most);
}

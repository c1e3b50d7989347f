import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { CompositionGate } from "./composition-gate.ts";
import { peopleIn } from "./presence-state.ts";
import { positionFromJson } from "./relative-position.ts";

/** Words out of view come in so often: often enough for a scroll bar, seldom enough to cost nothing. */
const awayMs = 250;
/** More than this at once is no flush of a run. */
const flushBytes = 8 * 1024;

/** Brings the server's frames into the document, a run's only as often as somebody can see them. */
export interface FramePace {
  /** Calls `apply`, which brings `update` into the document, now or within 250 ms. */
  take: (update: Uint8Array, apply: () => void) => void;
  /** Whether the place where the model writes is out of the reader's view; it is not at first. */
  setModelAway: (away: boolean) => void;
  /** Brings in at once what waits. */
  release: () => void;
  /** Brings in what waits, and lets nothing wait any more. */
  close: () => void;
}

export interface FramePaceOptions {
  doc: Y.Doc;
  text: Y.Text;
  awareness: Awareness;
  gate: CompositionGate;
  /** Origin of the transactions that bring frames in. */
  origin: unknown;
}

/**
 * A pace for `doc`. While the model writes out of view, its flushes come in together four times a
 * second, so that each costs no layout and no frame of the screen. What people write comes in at once,
 * past those that wait: it rests on its own writer's words. Where it rests on ones that wait, or
 * where somebody's caret stands in them, they come in with it.
 */
export function createFramePace(options: FramePaceOptions): FramePace {
  const { doc, awareness, gate, origin } = options;
  let waiting: (() => void)[] = [];
  let away = false;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let releasedAt = Number.NEGATIVE_INFINITY;

  const release = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const applies = waiting;
    waiting = [];
    releasedAt = performance.now();
    const all = () => {
      for (const apply of applies) apply();
    };
    gate.pass(() => Y.transact(doc, all, origin, false));
  };
  const hold = (apply: () => void) => {
    waiting.push(apply);
    const restMs = releasedAt + awayMs - performance.now();
    if (restMs <= 0) release();
    else timer ??= setTimeout(release, restMs);
  };
  const onPresence = () => {
    if (waiting.length > 0 && pointsBeyond(options)) release();
  };
  awareness.on("change", onPresence);
  return {
    take: (update, apply) => {
      if (away && !closed && isRuns(update, awareness)) return hold(apply);
      gate.pass(apply);
      if (waiting.length > 0 && isIncomplete(doc)) release();
    },
    setModelAway: (next) => {
      away = next;
      if (!away) release();
    },
    release,
    close: () => {
      closed = true;
      awareness.off("change", onPresence);
      release();
    },
  };
}

/** Whether it inserts, and only under ids of nobody who is here: the server writes for the runs. */
function isRuns(update: Uint8Array, awareness: Awareness): boolean {
  if (update.length > flushBytes) return false;
  const { structs, ds } = Y.decodeUpdate(update);
  const people = awareness.getStates();
  return (
    structs.length > 0 && ds.clients.size === 0 && structs.every(({ id }) => !people.has(id.client))
  );
}

/** Whether the document has heard of items that it does not have. */
function isIncomplete({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null;
}

/** Whether somebody's caret stands beside a character that the document does not have. */
function pointsBeyond({ text, awareness }: FramePaceOptions): boolean {
  return peopleIn(awareness).some(
    ({ cursor }) => cursor !== null && positionFromJson(text, cursor.head) === undefined,
  );
}

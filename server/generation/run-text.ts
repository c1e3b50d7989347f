import * as Y from "yjs";
import type { PresenceState } from "#shared/sync-protocol.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { Spending, TokenUsage } from "../quotas/spending.ts";
import type { OpenRoom, UpdateOrigin } from "../sync/types.ts";
import {
  type Baseline,
  baselineOf,
  bodyOf,
  caretAt,
  caretIndex,
  encodePosition,
  endOfTypedText,
  positionBefore,
  positionIndex,
} from "./caret.ts";
import {
  type CharacterId,
  commonEnd,
  firstDifference,
  lengthOf,
  readCharacters,
} from "./characters.ts";
import { insertRunText } from "./insert-text.ts";
import type { ModelToken } from "./model-text.ts";
import { type Prompt, readPrompt, windowIndex } from "./prompt.ts";
import { type PromptFrame, readFrame } from "./prompt-frame.ts";
import type { RunRecord } from "./run-record.ts";
import type { FlushRows, RunStore, TokenRow } from "./run-store.ts";
import { groupPieces, type TokenMap } from "./token-map.ts";
import { WrittenItems } from "./written-items.ts";

/** The engine's window as of a token. */
export interface WindowState {
  contextTokens: number;
  droppedTokens: number;
}

export interface RunTextOptions {
  room: OpenRoom;
  record: RunRecord;
  model: LoadedModel;
  store: RunStore;
  spending: Spending;
  /** Token ids that stand before the text. */
  memory: readonly number[];
  /** The document as it was when the run last wrote. */
  baseline: Baseline;
  /** Ids of the text that the run wrote before. */
  map: TokenMap;
  events: RunTextEvents;
}

/** What was committed, and what the run's starter has written today with it. */
export interface WrittenFlush extends FlushRows {
  usage: TokenUsage;
}

/** What the live text has to tell its run. */
export interface RunTextEvents {
  /** Asked at a write's turn. */
  mayWrite(): boolean;
  /**
   * Text inside the prompt changed, first at this position (base64); the last `untouched` units
   * before the caret stand as they did.
   */
  onEdited(position: string, untouched: number): void;
  /** Somebody typed or deleted at the caret. */
  onTyped(caret: Y.RelativePosition): void;
}

/** So near to the caret an input method is in the model's way. */
const nearCharacters = 2;

/** A run's side of the live text: its caret, the window that it reads, and what it writes. */
export class RunText {
  readonly #options: RunTextOptions;
  readonly #doc: Y.Doc;
  readonly #body: Y.Text;
  readonly #origin: UpdateOrigin;
  readonly #items: WrittenItems;
  readonly #frame: PromptFrame | undefined;
  readonly #stopListening: () => void;
  #caret: Y.RelativePosition;
  #baseline: Baseline;
  #map: TokenMap;
  #windowStart: Y.RelativePosition | null | undefined;
  /** For each token since the window's first: the character that it begins with. */
  #starts: (CharacterId | null)[] = [];
  /** How many of them have been let go since the prompt was read. */
  #dropped = 0;
  /** The window's text as it was last looked at. */
  #seen: Prompt["characters"] = [];
  /** Length of what is typed at the caret and not taken in yet. */
  #typedLength = 0;
  /** Whether the prompt no longer is the text before the caret. */
  #stale = true;

  constructor(options: RunTextOptions) {
    const { room, record } = options;
    this.#options = options;
    this.#doc = room.doc;
    this.#body = bodyOf(room.doc);
    this.#origin = { kind: "run", runId: record.id, actorId: record.startedBy.id };
    this.#items = new WrittenItems();
    this.#frame = readFrame(options.model);
    this.#caret = record.caret;
    this.#baseline = options.baseline;
    this.#map = options.map;
    this.#stopListening = room.onApplied(({ origin }) => {
      if (origin.kind === "run" && origin.runId === record.id) this.#lookAtOwnWrite();
      else this.#lookAtEdit();
    });
  }

  get caret(): Y.RelativePosition {
    return this.#caret;
  }

  /** base64 of the relative position where the window begins; null: at the top. */
  get windowStart(): string | null {
    return this.#windowStart ? encodePosition(this.#windowStart) : null;
  }

  /** Moves the caret past what was typed at it and reads the prompt anew. */
  read(): Prompt {
    const index = caretIndex(this.#doc, this.#caret);
    const end = endOfTypedText(this.#body, index, this.#baseline);
    if (end > index) this.#caret = caretAt(this.#body, end);
    const { model, memory, record } = this.#options;
    const prompt = readPrompt({
      doc: this.#doc,
      caret: this.#caret,
      memory,
      frame: this.#frame,
      runId: record.id,
      model: model.engine.model,
      tokenizer: model.tokenizer,
      map: this.#map,
      windowStart: this.#windowStart,
    });
    this.#map = prompt.map;
    this.#windowStart = prompt.windowStart;
    this.#starts = [...prompt.starts];
    this.#dropped = 0;
    this.#stale = false;
    this.#look();
    return prompt;
  }

  /**
   * Writes tokens at the caret and resolves with what was committed; undefined, with nothing
   * written, where the text has changed under them or `mayWrite` says no at the write's turn.
   */
  async write(
    tokens: readonly ModelToken[],
    window: WindowState,
  ): Promise<WrittenFlush | undefined> {
    const { room, store, spending, record } = this.#options;
    let usage: TokenUsage = { used: 0, limit: null };
    const flush = await room.write(
      this.#origin,
      () => {
        this.#lookAtEdit();
        return this.#stale || !this.#options.events.mayWrite()
          ? undefined
          : this.#insert(tokens, window);
      },
      async (transaction, flush) => {
        if (flush === undefined) return;
        await store.saveFlush(transaction, record.id, flush);
        usage = await spending.count(transaction, record.startedBy.id, flush.tokens.length);
      },
    );
    return flush && { ...flush, usage };
  }

  /** Whether somebody composes with an input method where the run writes. */
  composesAtCaret(): boolean {
    const index = caretIndex(this.#doc, this.#caret);
    const end = index + this.#typedLength;
    return this.#options.room.presence().some((state) => {
      const head = state.composing ? this.#cursorIndex(state) : undefined;
      return head !== undefined && head >= index - nearCharacters && head <= end + nearCharacters;
    });
  }

  close(): void {
    this.#stopListening();
  }

  #insert(tokens: readonly ModelToken[], window: WindowState): FlushRows {
    const { record } = this.#options;
    const index = caretIndex(this.#doc, this.#caret);
    const text = tokens.map((token) => token.text).join("");
    const { ranges, after } = insertRunText(this.#body, index, text, record.id);
    this.#caret = caretAt(this.#body, index + text.length);
    const rows = this.#items.place(tokens, ranges);
    this.#remember(rows, after, window);
    return {
      tokens: rows,
      items: this.#items.extend(ranges),
      run: {
        caret: this.#caret,
        tokens: record.tokens + tokens.length,
        promptTokens: record.promptTokens,
        contextTokens: window.contextTokens,
      },
    };
  }

  /** Keeps the ids of what is written for the next reading, and follows the engine's window. */
  #remember(rows: readonly TokenRow[], after: CharacterId | null, window: WindowState): void {
    const pieces = groupPieces(rows, this.#options.model.tokenizer, after);
    for (const piece of pieces) this.#map.add(piece);
    this.#starts.push(...rows.map((row) => row.first));
    const gone = this.#starts.splice(0, window.droppedTokens - this.#dropped);
    if (gone.length === 0) return;
    // The engine may be ahead of what is written: the rest goes with a later flush.
    this.#dropped += gone.length;
    const first = this.#starts.find((start) => start !== null);
    if (first) this.#windowStart = positionBefore(first);
  }

  #lookAtOwnWrite(): void {
    this.#baseline = baselineOf(this.#doc);
    this.#look();
  }

  /** Compares the live text with what was last seen, and tells what the difference means. */
  #lookAtEdit(): void {
    if (this.#windowStart === undefined) return;
    const { seen, typedLength } = { seen: this.#seen, typedLength: this.#typedLength };
    const from = this.#look();
    const changedAt = firstDifference(seen, this.#seen);
    if (changedAt !== undefined) {
      this.#stale = true;
      const place = Y.createRelativePositionFromTypeIndex(this.#body, from + changedAt);
      this.#options.events.onEdited(encodePosition(place), commonEnd(seen, this.#seen));
    }
    const cutAtCaret = changedAt === lengthOf(this.#seen);
    if (cutAtCaret || this.#typedLength !== typedLength) {
      this.#stale = true;
      this.#options.events.onTyped(this.#caret);
    }
  }

  /** Returns where the window begins. */
  #look(): number {
    const index = caretIndex(this.#doc, this.#caret);
    const from = windowIndex(this.#doc, this.#windowStart ?? null);
    this.#seen = readCharacters(this.#body, from, index);
    this.#typedLength = endOfTypedText(this.#body, index, this.#baseline) - index;
    return from;
  }

  #cursorIndex({ cursor }: PresenceState): number | undefined {
    if (!cursor) return undefined;
    try {
      return positionIndex(this.#doc, Y.createRelativePositionFromJSON(cursor.head));
    } catch {
      return undefined;
    }
  }
}

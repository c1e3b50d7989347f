import { type FinishReason, isLive, type RunReason } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { RunStats } from "#shared/socket-events.ts";
import { NotFoundError } from "../errors.ts";
import type { EngineSequence, Generation, LoadedModel } from "../inference/engine.ts";
import type { OpenRoom } from "../sync/types.ts";
import { type Baseline, baselineBefore, bodyOf, encodePosition } from "./caret.ts";
import { drawTokens } from "./draw-tokens.ts";
import type { ModelToken } from "./model-text.ts";
import { mendRunMarks } from "./own-marks.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import { type Person, type RunRecord, toRun } from "./run-record.ts";
import { createRunStatistics } from "./run-statistics.ts";
import { changeStatus, type RunChange } from "./run-status.ts";
import { RunText, type WindowState } from "./run-text.ts";
import { tuneSampling } from "./sampling.ts";
import { createTokenMap, groupPieces, type TokenMap } from "./token-map.ts";
import { createTokenWriter } from "./token-writer.ts";
import { createYielding } from "./yielding.ts";

/** Why one pass over a prompt ended. */
type PassEnd =
  | { kind: "finished"; finishReason: FinishReason }
  /** The prompt has changed, people want to write first, or the sampling is another. */
  | { kind: "read_again" }
  /** A command wants the run to stand still. */
  | { kind: "asked" }
  | { kind: "engine_lost"; error: unknown }
  | { kind: "room_lost"; error: unknown };
type Interruption = Extract<PassEnd, { kind: "read_again" | "asked" | "room_lost" }>;

/** The run's hold on its document while it is open. */
interface Attachment {
  model: LoadedModel;
  room: OpenRoom;
  text: RunText;
  release(): void;
}

interface AttachOptions {
  model: LoadedModel;
  room: OpenRoom;
  baseline: Baseline;
  memory: readonly number[];
  map: TokenMap;
}

/** What a new run begins with. */
export interface RunBeginning {
  model: LoadedModel;
  /** The session releases it. */
  room: OpenRoom;
  /** The document when the run was started. */
  baseline: Baseline;
  /** The document's memory: text that stands before every prompt. */
  memory: string;
}

/** What another interruption may not replace. */
const precedence = { read_again: 0, room_lost: 1, asked: 2 } as const;
/** Waits between attempts to open a document again that was lost under the run. */
const reopenDelaysMs = [0, 100, 250, 500, 1_000, 2_000, 3_000, 4_000] as const;
const saveRetryMs = 1_000;
/** A paused run keeps its keys and values so long. */
const idleMs = 60_000;
/** The memory's part of the context. */
const memoryShare = 1 / 4;

/**
 * One live run: reads the prompt, has tokens drawn, writes them, and does so again whenever the
 * text under it changes. Its commands must come one at a time.
 */
export class RunSession {
  readonly record: RunRecord;
  readonly #deps: RunDependencies;
  readonly #onEnded: () => void;
  #model: LoadedModel | undefined;
  #sequence: EngineSequence | undefined;
  #attachment: Attachment | undefined;
  #loop: Promise<void> | undefined;
  #interruption: Interruption | undefined;
  #abort = new AbortController();
  #rereads = 0;
  #keptTokens = 0;
  /** Where people changed the prompt since it was last read. */
  #editedAt: string | undefined;
  #closed = false;
  #cancelIdle: (() => void) | undefined;
  /** Ends a wait between two attempts early. */
  #wake: () => void = () => {};
  readonly #yielding;
  readonly #statistics;

  /** `onEnded` is called once the run has ended and is saved. */
  constructor(deps: RunDependencies, record: RunRecord, onEnded: () => void) {
    this.#deps = deps;
    this.record = record;
    this.#onEnded = onEnded;
    this.#yielding = createYielding(deps.clock, () => this.#interrupt({ kind: "read_again" }));
    this.#statistics = createRunStatistics(
      deps.clock,
      () => this.#stats(),
      (stats) => deps.publish.toDocument(record.documentId, "run:stats", stats),
    );
  }

  /** Takes hold of the open room and begins to write; the run is queued and saved already. */
  async begin({ model, room, baseline, memory }: RunBeginning): Promise<void> {
    this.#model = model;
    this.#attach({
      model,
      room,
      baseline,
      memory: memoryIds(model, memory),
      map: createTokenMap(),
    });
    await this.#keepVersion("Before the model wrote");
    this.publish();
    this.#stream();
  }

  /** Stands still; no text comes after it resolves. Throws `illegal_transition`. */
  async pause(change: Extract<RunChange, { event: "pause" | "interrupt" }>, by?: Person) {
    changeStatus(this.record.status, change);
    await this.#halt();
    await this.#change(change, by);
    await this.#keepVersion("When the model paused");
    this.#cancelIdle = this.#deps.clock.after(idleMs, () => void this.#letGo());
  }

  /** Goes on from the live text. Throws `illegal_transition`, or what opening the document throws. */
  async resume(by: Person): Promise<void> {
    changeStatus(this.record.status, { event: "resume" });
    this.#cancelIdle?.();
    const model = await this.#deps.models.load(this.record.model);
    if (model !== this.#model) await this.#letGo();
    this.#model = model;
    if (!this.#attachment?.room.alive) await this.#attachFromStore(model);
    this.#yielding.close();
    this.#editedAt = undefined;
    await this.#change({ event: "resume" }, by);
    this.#stream();
  }

  /** Ends the run where it is. Throws `illegal_transition`. */
  async stop(by: Person): Promise<void> {
    changeStatus(this.record.status, { event: "stop" });
    await this.#halt();
    // It may have ended by itself meanwhile.
    changeStatus(this.record.status, { event: "stop" });
    await this.#tidyMarks();
    await this.#end({ event: "stop" }, by);
  }

  /** Samples otherwise from the next token on. Throws InvalidError. */
  async tune(wish: SamplingInput, by: Person): Promise<void> {
    this.record.sampling = tuneSampling(this.record.sampling, wish);
    this.record.changedBy = by;
    this.#interrupt({ kind: "read_again" });
    await this.#save();
    this.publish();
  }

  /** Lets the document and the engine go; the run itself stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#halt();
    this.#cancelIdle?.();
    await this.#letGo();
  }

  publish(): void {
    const { documentId } = this.record;
    this.#deps.publish.toDocument(documentId, "run:state", { documentId, run: toRun(this.record) });
  }

  // -- the loop ---------------------------------------------------------------------------------

  #stream(): void {
    this.#interruption = undefined;
    this.#statistics.begin();
    this.#loop = this.#goOn()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#loop = undefined;
        this.#statistics.end();
      });
  }

  async #goOn(): Promise<void> {
    for (;;) {
      const end = await this.#pass();
      switch (end.kind) {
        case "read_again":
          continue;
        case "asked":
          return;
        case "finished":
          this.#admit();
          await this.#tidyMarks();
          return this.#end({ event: "finish", finishReason: end.finishReason });
        case "engine_lost":
          return this.#engineLost(end.error);
        case "room_lost":
          if (!(await this.#reopen(end.error))) return;
          continue;
        default:
          end satisfies never;
      }
    }
  }

  /** Reads the prompt once and writes until something ends that. */
  async #pass(): Promise<PassEnd> {
    await this.#yielding.over();
    if (this.#interruption && this.#interruption.kind !== "read_again") return this.#interruption;
    const { text, model } = this.#attached();
    const { sampling, tokens } = this.record;
    if (sampling.maxTokens !== null && tokens >= sampling.maxTokens) {
      return { kind: "finished", finishReason: "max_tokens" };
    }
    this.#interruption = undefined;
    this.#abort = new AbortController();
    const prompt = text.read();
    const reread = this.#tellReread();
    this.record.caret = text.caret;
    try {
      this.#sequence ??= model.engine.open();
      const generation = this.#sequence.generate(
        { prompt: prompt.ids, firstIndex: tokens, sampling },
        this.#abort.signal,
      );
      this.#watchPrefill(generation, prompt.ids.length, reread);
      return await this.#write(generation, { text, model });
    } catch (error) {
      return this.#interruption ?? { kind: "engine_lost", error };
    }
  }

  async #write(
    generation: Generation,
    { text, model }: Pick<Attachment, "text" | "model">,
  ): Promise<PassEnd> {
    let window: WindowState = { contextTokens: 0, droppedTokens: 0 };
    const writer = createTokenWriter({
      clock: this.#deps.clock,
      write: (tokens) => this.#flush(text, tokens, window),
    });
    try {
      const finishReason = await drawTokens({
        generation,
        model,
        sampling: this.record.sampling,
        writer,
        interrupted: () => this.#interruption !== undefined,
        onToken: (token) => {
          this.#admit();
          window = token;
        },
      });
      return this.#interruption ?? { kind: "finished", finishReason };
    } finally {
      await writer.drop();
    }
  }

  /** Commits one flush and tells it; a flush that the text outran is dropped. */
  async #flush(text: RunText, tokens: readonly ModelToken[], window: WindowState): Promise<void> {
    if (this.#interruption) return;
    try {
      const flush = await text.write(tokens, window);
      if (flush === undefined) return this.#interrupt({ kind: "read_again" });
      Object.assign(this.record, flush.run);
      this.#statistics.wrote(tokens.length);
      const { documentId, id: runId } = this.record;
      this.#deps.publish.toDocument(documentId, "run:tokens", {
        documentId,
        runId,
        tokens: [...tokens],
      });
    } catch (error) {
      this.#interrupt({ kind: "room_lost", error });
    }
  }

  #watchPrefill(generation: Generation, promptTokens: number, reread: boolean): void {
    const { signal } = this.#abort;
    const report = generation.prefill.then(({ keptTokens }) => {
      if (signal.aborted) return;
      this.record.promptTokens = promptTokens;
      this.record.contextTokens = promptTokens;
      if (reread) this.#keptTokens += keptTokens;
      this.#admit();
    });
    // The loop over the tokens throws the same error.
    report.catch(() => undefined);
  }

  #admit(): void {
    if (this.record.status.state !== "queued") return;
    this.record.status = changeStatus(this.record.status, { event: "admit" });
    this.publish();
  }

  /** Whether this reading is one because people changed the text; tells where. */
  #tellReread(): boolean {
    const position = this.#editedAt;
    this.#editedAt = undefined;
    if (position === undefined) return false;
    this.#rereads++;
    const { documentId, id: runId } = this.record;
    this.#deps.publish.toDocument(documentId, "run:reread", { documentId, runId, position });
    return true;
  }

  #interrupt(interruption: Interruption): void {
    const current = this.#interruption;
    if (current && precedence[current.kind] >= precedence[interruption.kind]) return;
    this.#interruption = interruption;
    this.#abort.abort();
    this.#wake();
  }

  async #halt(): Promise<void> {
    if (this.#loop === undefined) return;
    this.#interrupt({ kind: "asked" });
    this.#yielding.close();
    await this.#loop;
  }

  // -- what can befall a run ----------------------------------------------------------------------

  async #engineLost(error: unknown): Promise<void> {
    this.#deps.logger.warn({ error, runId: this.record.id }, "run lost its engine");
    await this.#closeSequence();
    await this.#interruptSelf("engine_lost");
  }

  async #fail(error: unknown): Promise<void> {
    this.#deps.logger.error({ error, runId: this.record.id }, "run failed");
    await this.#end({ event: "fail", reason: "error" });
  }

  /** Opens the document again after its room was discarded; false where the run now waits. */
  async #reopen(error: unknown): Promise<boolean> {
    this.#deps.logger.warn({ error, runId: this.record.id }, "run lost its document");
    for (const delayMs of reopenDelaysMs) {
      await this.#sleep(delayMs);
      if (this.#interruption?.kind === "asked") return false;
      try {
        await this.#attachFromStore(this.#attached().model);
        return this.#mayGoOn();
      } catch (reopenError) {
        if (reopenError instanceof NotFoundError) return this.#interruptSelf("document_gone");
      }
    }
    return this.#interruptSelf("storage");
  }

  /** The lost room is no reason any more; a command still is. */
  #mayGoOn(): boolean {
    if (this.#interruption?.kind === "asked") return false;
    this.#interruption = undefined;
    return true;
  }

  /** An interruption ends it early. */
  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#deps.clock.after(delayMs, resolve);
    });
  }

  async #interruptSelf(reason: RunReason): Promise<false> {
    await this.#change({ event: "interrupt", reason });
    await this.#keepVersion("When the model was interrupted");
    return false;
  }

  async #end(change: RunChange, by?: Person): Promise<void> {
    await this.#change(change, by);
    await this.#keepVersion("When the model had written");
    await this.#letGo();
  }

  async #change(change: RunChange, by?: Person): Promise<void> {
    this.record.status = changeStatus(this.record.status, change);
    if (by) this.record.changedBy = by;
    if (this.#attachment) this.record.caret = this.#attachment.text.caret;
    await this.#save();
    this.publish();
  }

  /** Memory decides while the process lives: a save that fails is tried until the database is back. */
  async #save(): Promise<void> {
    try {
      await this.#deps.store.save(this.record);
      if (!isLive(this.record.status.state)) this.#onEnded();
    } catch (error) {
      this.#deps.logger.warn({ error, runId: this.record.id }, "run not saved yet");
      if (!this.#closed) this.#deps.clock.after(saveRetryMs, () => void this.#save());
    }
  }

  async #keepVersion(label: string): Promise<void> {
    const { documentId, changedBy } = this.record;
    try {
      const version = { kind: "run", label, createdBy: changedBy.id } as const;
      await this.#deps.documents.keepVersion(documentId, version);
    } catch (error) {
      this.#deps.logger.warn({ error, runId: this.record.id }, "version not kept");
    }
  }

  async #tidyMarks(): Promise<void> {
    const { id: runId, documentId, startedBy } = this.record;
    try {
      const own = await this.#deps.store.items(runId);
      const room = await this.#deps.rooms.open(documentId);
      const origin = { kind: "run", runId, actorId: startedBy.id } as const;
      await room
        .write(origin, (doc) => mendRunMarks(bodyOf(doc), runId, own))
        .finally(() => room.release());
    } catch (error) {
      this.#deps.logger.warn({ error, runId }, "run marks not mended");
    }
  }

  // -- the document and the engine ----------------------------------------------------------------

  /** Opens the document as the database has it: only what was committed counts as written. */
  async #attachFromStore(model: LoadedModel): Promise<void> {
    const { store, rooms } = this.#deps;
    const { id, documentId } = this.record;
    const room = await rooms.open(documentId);
    try {
      const stored = await store.find(id);
      if (stored === undefined) throw new NotFoundError();
      this.record.tokens = stored.tokens;
      this.record.caret = stored.caret;
      const baseline = baselineBefore(await store.updatesSince(stored));
      const written = await store.newestTokens(id, model.engine.model.contextTokens);
      const map = createTokenMap(groupPieces(written, model.tokenizer, undefined));
      const { memory } = await store.settings(documentId);
      this.#detach();
      this.#attach({ model, room, baseline, memory: memoryIds(model, memory), map });
    } catch (error) {
      room.release();
      throw error;
    }
  }

  #attach({ model, room, baseline, memory, map }: AttachOptions): void {
    const text = new RunText({
      room,
      record: this.record,
      model,
      store: this.#deps.store,
      memory,
      baseline,
      map,
      mayWrite: () => this.#interruption === undefined && !this.#yielding.active,
      onEdited: (position) => {
        this.#editedAt ??= position;
        this.#interrupt({ kind: "read_again" });
      },
      onTyped: () => {
        this.#editedAt ??= encodePosition(text.caret);
        this.#yielding.typed();
      },
    });
    const stopDiscarded = room.onDiscarded((error) =>
      this.#interrupt({ kind: "room_lost", error }),
    );
    const stopPresence = room.onPresence(() => this.#yielding.composing(text.composesAtCaret()));
    const release = () => {
      stopDiscarded();
      stopPresence();
      text.close();
      room.release();
    };
    this.#attachment = { model, room, text, release };
  }

  #attached(): Attachment {
    if (this.#attachment === undefined) throw new Error("The run has no document.");
    return this.#attachment;
  }

  #detach(): void {
    this.#attachment?.release();
    this.#attachment = undefined;
  }

  async #letGo(): Promise<void> {
    this.#yielding.close();
    this.#detach();
    await this.#closeSequence();
  }

  async #closeSequence(): Promise<void> {
    const sequence = this.#sequence;
    this.#sequence = undefined;
    await sequence?.close();
  }

  #stats(): Omit<RunStats, "tokensPerSecond"> {
    const { documentId, id: runId, tokens, contextTokens } = this.record;
    return {
      documentId,
      runId,
      tokens,
      contextTokens,
      queuePosition: this.#sequence?.queuePosition ?? 0,
      rereads: this.#rereads,
      keptTokens: this.#keptTokens,
      window: this.#attachment?.text.windowStart ?? null,
    };
  }
}

function memoryIds({ engine, tokenizer }: LoadedModel, memory: string): number[] {
  if (memory === "") return [];
  const most = Math.floor(engine.model.contextTokens * memoryShare);
  return tokenizer.encode(memory.endsWith("\n") ? memory : `${memory}\n`).slice(0, most);
}

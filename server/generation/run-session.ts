import { isLive, type RunReason } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import { NotFoundError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import { EngineFullError } from "../inference/engine-full.ts";
import { NothingAllowedError } from "../inference/nothing-allowed.ts";
import type { StreamEnd } from "./interruptions.ts";
import { mendMarksAtEnd } from "./mend-marks.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import {
  type HoldOptions,
  holdDocument,
  type RunDocument,
  reopenDocument,
} from "./run-document.ts";
import { RunKeeping } from "./run-keeping.ts";
import type { Person, RunRecord } from "./run-record.ts";
import { changeStatus, type RunChange } from "./run-status.ts";
import type { SaveCompanion } from "./run-store.ts";
import { RunStream } from "./run-stream.ts";
import { tuneSampling } from "./sampling.ts";

/** Waits between attempts to open a document again that was lost under the run. */
const reopenDelaysMs = [0, 100, 250, 500, 1_000, 2_000, 3_000, 4_000] as const;
/** So often a run loses its document without getting on before it waits for a person. */
const mostLosses = 3;
/** A paused run keeps its keys and values so long. */
const idleMs = 60_000;

/** Who asked for a change, and what is saved with it. */
interface Command {
  by?: Person | undefined;
  alsoSave?: SaveCompanion | undefined;
}

/** One live run: its status, its commands, and what befalls it. Commands come one at a time. */
export class RunSession {
  readonly record: RunRecord;
  readonly #deps: RunDependencies;
  readonly #keeping: RunKeeping;
  readonly #stream: RunStream;
  #document: RunDocument | undefined;
  /** The writing, while it goes on; never rejects. */
  #writing: Promise<void> | undefined;
  #cancelIdle: () => void = () => {};
  /** How often the document was lost since the run last got on, and how far that was. */
  #losses = { count: 0, tokens: -1 };
  /** Ends a wait between two attempts early. */
  #wake: () => void = () => {};

  /** `onEnded` is called once the run has ended and is saved. */
  constructor(deps: RunDependencies, record: RunRecord, onEnded: () => void) {
    this.#deps = deps;
    this.record = record;
    this.#keeping = new RunKeeping(deps, record, onEnded);
    this.#stream = new RunStream(deps, record, () => this.#admit());
  }

  /** Takes hold of the open room and begins to write; the run is queued and saved already. */
  async begin(start: Pick<HoldOptions, "model" | "room" | "baseline" | "memory">): Promise<void> {
    const { events } = this.#stream;
    this.#document = holdDocument({ ...start, deps: this.#deps, record: this.record, events });
    await this.#keeping.keepVersion("Before the model wrote");
    this.#keeping.publish();
    this.#write(this.#document);
  }

  /** Stands still; no text comes after it resolves. Throws `illegal_transition`. */
  async pause(
    change: Extract<RunChange, { event: "pause" | "interrupt" }>,
    by?: Person,
  ): Promise<void> {
    changeStatus(this.record.status, change);
    await this.#halt();
    await this.#change(change, { by });
    await this.#keeping.keepVersion("When the model paused");
    this.#letGoWhenIdle();
  }

  /**
   * Goes on from the live text, if `clear` lets it once everything is loaded. Throws
   * `illegal_transition`, what `clear` throws, or what opening the document throws.
   */
  async resume(by: Person, clear: () => Promise<void>): Promise<void> {
    changeStatus(this.record.status, { event: "resume" });
    // What interrupted it may still keep a version: it may not end in the midst of the new writing.
    await this.#writing;
    const document = await this.#readyDocument(clear);
    this.#losses = { count: 0, tokens: -1 };
    await this.#change({ event: "resume" }, { by });
    this.#write(document);
  }

  async #readyDocument(clear: () => Promise<void>): Promise<RunDocument> {
    this.#cancelIdle();
    try {
      const model = await this.#deps.models.load(this.record.model);
      if (this.#document?.model !== model) await this.#letGo();
      const document = this.#document?.room.alive ? this.#document : await this.#reopen(model);
      await clear();
      return document;
    } catch (error) {
      this.#letGoWhenIdle();
      throw error;
    }
  }

  /** Ends the run where it is; `alsoSave` is saved with that. Throws `illegal_transition`. */
  async stop(by: Person, alsoSave?: SaveCompanion): Promise<void> {
    changeStatus(this.record.status, { event: "stop" });
    await this.#halt();
    // It may have ended by itself meanwhile.
    changeStatus(this.record.status, { event: "stop" });
    await this.#end({ event: "stop" }, { by, alsoSave });
  }

  /** Samples otherwise from the next token on. Throws InvalidError, or what loading the model throws. */
  async tune(wish: SamplingInput, by: Person): Promise<void> {
    const vocabularySize = await this.#vocabularySize(wish);
    this.record.sampling = tuneSampling(this.record, wish, vocabularySize);
    this.#changedBy(by);
    this.#stream.readAgain();
    await this.#keeping.save();
    this.#keeping.publish();
  }

  /** Of the run's model, where a wish has to be held against it. */
  async #vocabularySize({ logitBias = {} }: SamplingInput): Promise<number> {
    if (Object.keys(logitBias).length === 0) return Number.POSITIVE_INFINITY;
    const model = this.#document?.model ?? (await this.#deps.models.load(this.record.model));
    return model.engine.model.vocabularySize;
  }

  /** Lets the document and the engine go; the run itself stays as it is. */
  async close(): Promise<void> {
    this.#keeping.close();
    await this.#halt();
    await this.#letGo();
  }

  #write(document: RunDocument): void {
    this.#stream.reset();
    this.#writing = this.#goOn(document)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #goOn(first: RunDocument): Promise<void> {
    let document: RunDocument | undefined = first;
    while (document) {
      const end: StreamEnd = await this.#stream.run(document);
      document = await this.#after(end, document);
    }
  }

  /** The document to go on in, or undefined where the run does not go on by itself. */
  async #after(end: StreamEnd, { model }: RunDocument): Promise<RunDocument | undefined> {
    const { logger } = this.#deps;
    const { id: runId } = this.record;
    switch (end.kind) {
      case "asked":
        return undefined;
      case "finished":
        this.#admit();
        await this.#end({ event: "finish", finishReason: end.finishReason });
        return undefined;
      case "quota":
      case "loop":
        return this.#interrupted(end.kind);
      case "engine_lost":
        logger.warn({ err: end.error, runId }, "run lost its engine");
        await this.#stream.letGo();
        return this.#interrupted(reasonOf(end.error));
      case "room_lost":
        logger.warn({ err: end.error, runId }, "run lost its document");
        return this.#recover(model);
      default:
        return end satisfies never;
    }
  }

  /** Tries to open the document again after its room was discarded. */
  async #recover(model: LoadedModel): Promise<RunDocument | undefined> {
    const { tokens } = this.record;
    const count = tokens > this.#losses.tokens ? 1 : this.#losses.count + 1;
    this.#losses = { count, tokens };
    if (count > mostLosses) return this.#interrupted("storage");
    for (const delayMs of reopenDelaysMs) {
      await this.#sleep(delayMs);
      if (this.#stream.isHalted) return undefined;
      try {
        const document = await this.#reopen(model);
        if (this.#stream.isHalted) return undefined;
        this.#stream.reset();
        return document;
      } catch (error) {
        if (error instanceof NotFoundError) return this.#interrupted("document_gone");
      }
    }
    return this.#interrupted("storage");
  }

  async #fail(error: unknown): Promise<void> {
    this.#deps.logger.error({ err: error, runId: this.record.id }, "run failed");
    if (isLive(this.record.status.state)) await this.#end({ event: "fail", reason: "error" });
  }

  async #interrupted(reason: RunReason): Promise<undefined> {
    await this.#change({ event: "interrupt", reason });
    await this.#keeping.keepVersion("When the model was interrupted");
    this.#letGoWhenIdle();
    return undefined;
  }

  async #end(change: RunChange, command: Command = {}): Promise<void> {
    const rests = await this.#isArchived();
    if (!rests) await mendMarksAtEnd(this.#deps, this.record);
    await this.#change(change, command);
    if (!rests) await this.#keeping.keepVersion("When the model had written");
    await this.#keeping.keepSnapshot();
    await this.#letGo();
  }

  /** What rests is left as it is; where that cannot be told, the writing fails as well. */
  async #isArchived(): Promise<boolean> {
    return this.#deps.documents.isArchived(this.record.documentId).catch(() => false);
  }

  #admit(): void {
    if (this.record.status.state !== "queued") return;
    this.record.status = changeStatus(this.record.status, { event: "admit" });
    this.#keeping.publish();
  }

  async #change(change: RunChange, { by, alsoSave }: Command = {}): Promise<void> {
    this.record.status = changeStatus(this.record.status, change);
    if (by) this.#changedBy(by);
    if (this.#document) this.record.caret = this.#document.text.caret;
    await this.#keeping.save(alsoSave);
    this.#keeping.publish();
  }

  /** An account that comes with a command knows more than everyone may see. */
  #changedBy({ id, name }: Person): void {
    this.record.changedBy = { id, name };
  }

  async #halt(): Promise<void> {
    if (this.#writing === undefined) return;
    this.#stream.halt();
    this.#wake();
    await this.#writing;
  }

  /** An interruption by a command ends it early. */
  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#deps.clock.after(delayMs, resolve);
    });
  }

  async #reopen(model: LoadedModel): Promise<RunDocument> {
    const { events } = this.#stream;
    this.#release();
    const document = await reopenDocument({ deps: this.#deps, record: this.record, model, events });
    this.#document = document;
    return document;
  }

  #release(): void {
    this.#document?.release();
    this.#document = undefined;
  }

  #letGoWhenIdle(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#deps.clock.after(idleMs, () => void this.#letGo());
  }

  async #letGo(): Promise<void> {
    this.#cancelIdle();
    this.#release();
    await this.#stream.letGo();
  }
}

/** Why a run stands still whose engine gave up. */
function reasonOf(error: unknown): RunReason {
  if (error instanceof EngineFullError) return "engine_full";
  return error instanceof NothingAllowedError ? "nothing_allowed" : "engine_lost";
}

import { isLive } from "#shared/run.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import { type RunRecord, toRun } from "./run-record.ts";
import type { SaveCompanion } from "./run-store.ts";

const saveRetryMs = 1_000;

/** What is kept and told of a run beside its text. Nothing of it stops the run: what fails is logged. */
export class RunKeeping {
  readonly #deps: RunDependencies;
  readonly #record: RunRecord;
  readonly #onEnded: () => void;
  #closed = false;
  /** One save after the other: each writes what the record is then. */
  #line: Promise<void> = Promise.resolve();
  /** Not saved yet, in the order in which they came. */
  #companions: SaveCompanion[] = [];

  /** `onEnded` is called once the run has ended and that is saved. */
  constructor(deps: RunDependencies, record: RunRecord, onEnded: () => void) {
    this.#deps = deps;
    this.#record = record;
    this.#onEnded = onEnded;
  }

  /** Memory decides while the process lives: a save that fails is tried until the database is back. */
  save(alsoSave?: SaveCompanion): Promise<void> {
    if (alsoSave) this.#companions.push(alsoSave);
    this.#line = this.#line.then(() => this.#save());
    return this.#line;
  }

  /** Never rejects. */
  async #save(): Promise<void> {
    const companions = [...this.#companions];
    try {
      await this.#deps.store.save(this.#record, companions);
      this.#companions = this.#companions.slice(companions.length);
      if (!isLive(this.#record.status.state)) this.#onEnded();
    } catch (error) {
      this.#warn(error, "run not saved yet");
      if (!this.#closed) this.#deps.clock.after(saveRetryMs, () => void this.save());
    }
  }

  /** Tells the run's state to all who have its document open. */
  publish(): void {
    const { documentId } = this.#record;
    const event = { documentId, run: toRun(this.#record) };
    this.#deps.publish.toDocument(documentId, "run:state", event);
  }

  async keepVersion(label: string): Promise<void> {
    const { documentId, changedBy } = this.#record;
    try {
      const version = { kind: "run", label, createdBy: changedBy.id } as const;
      await this.#deps.documents.keepVersion(documentId, version);
    } catch (error) {
      this.#warn(error, "version not kept");
    }
  }

  /** A run leaves a long log: loading need not replay it. */
  async keepSnapshot(): Promise<void> {
    try {
      await this.#deps.rooms.keepSnapshot(this.#record.documentId);
    } catch (error) {
      this.#warn(error, "snapshot not kept at the run's end");
    }
  }

  /** What is not saved by now is not tried again. */
  close(): void {
    this.#closed = true;
  }

  #warn(error: unknown, message: string): void {
    this.#deps.logger.warn({ err: error, runId: this.#record.id }, message);
  }
}

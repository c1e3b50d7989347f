import { UnavailableError } from "../errors.ts";
import type { MemberStatus } from "../inference/engine-pool.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import type { OpenModel } from "./open-model.ts";

/** One of the engines that run a model. */
export interface ModelEngine extends MemberStatus {
  model: string;
}

export interface LoadedModelsOptions {
  clock: Clock;
  logger: Logger;
  /** Begins to load a model; rejects when that cannot be. */
  open: (id: string) => Promise<OpenModel>;
  /** Whether a model stays when nobody uses it. */
  stays: (id: string) => boolean;
}

interface Entry {
  opening: Promise<OpenModel>;
  /** Once it is open. */
  model: OpenModel | undefined;
  usedAtMs: number;
}

/** A model without a run for so long is unloaded. */
const idleMs = 10 * 60_000;
const idleCheckMs = 60_000;

/** The models that are in memory: loaded when first used, unloaded when nobody has used them for long. */
export class LoadedModels {
  readonly #options: LoadedModelsOptions;
  readonly #entries = new Map<string, Entry>();
  /** What is being unloaded, by model: two of one model would take twice the memory. */
  readonly #unloading = new Map<string, Promise<void>>();
  #cancelCheck: () => void = () => {};
  #closed = false;

  constructor(options: LoadedModelsOptions) {
    this.#options = options;
    this.#checkLater();
  }

  /** Resolves when it can write. Of several that ask at once all get the same. */
  async load(id: string): Promise<OpenModel> {
    const entry = this.#entries.get(id) ?? this.#open(id);
    // Who waits for an engine that is being started uses it already.
    entry.usedAtMs = this.#options.clock.now();
    const model = await entry.opening;
    await model.engine.ready();
    entry.usedAtMs = this.#options.clock.now();
    return model;
  }

  isAvailable(id: string): boolean {
    return this.#entries.get(id)?.model?.engine.available ?? false;
  }

  /** Whether it was asked for, and none of its engines can be had now or soon. */
  isAway(id: string): boolean {
    const model = this.#entries.get(id)?.model;
    return model !== undefined && !model.engine.near;
  }

  /** Sequences that are open. */
  usage(id: string): number {
    return this.#entries.get(id)?.model?.engine.openSequences ?? 0;
  }

  engines(): ModelEngine[] {
    return [...this.#entries].flatMap(([model, entry]) =>
      (entry.model?.engine.members() ?? []).map((member) => ({ ...member, model })),
    );
  }

  /** Ends what the model generates; resolves when its memory is free. */
  async unload(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      this.#entries.delete(id);
      this.#unloading.set(id, this.#close(id, entry));
    }
    await this.#unloading.get(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelCheck();
    await Promise.all([...this.#entries.keys()].map((id) => this.unload(id)));
    await Promise.all(this.#unloading.values());
  }

  #open(id: string): Entry {
    const entry: Entry = {
      opening: this.#openOnceFree(id),
      model: undefined,
      usedAtMs: this.#options.clock.now(),
    };
    this.#entries.set(id, entry);
    entry.opening.then(
      (model) => {
        entry.model = model;
      },
      () => {
        if (this.#entries.get(id) === entry) this.#entries.delete(id);
      },
    );
    return entry;
  }

  async #openOnceFree(id: string): Promise<OpenModel> {
    await this.#unloading.get(id);
    if (this.#closed) throw new UnavailableError("The models are being closed.");
    return this.#options.open(id);
  }

  /** Never rejects. */
  async #close(id: string, { opening, model }: Entry): Promise<void> {
    const before = this.#unloading.get(id);
    try {
      // One that is open refuses work from this moment on.
      const { engine } = model ?? (await opening);
      await engine.close();
    } catch (error) {
      this.#options.logger.debug({ err: error, model: id }, "nothing of the model to unload");
    }
    await before;
  }

  #checkLater(): void {
    this.#cancelCheck = this.#options.clock.after(idleCheckMs, () => {
      this.#unloadIdle();
      this.#checkLater();
    });
  }

  #unloadIdle(): void {
    const { clock, logger, stays } = this.#options;
    const now = clock.now();
    for (const [id, entry] of this.#entries) {
      if (stays(id) || (entry.model?.engine.openSequences ?? 1) > 0) entry.usedAtMs = now;
      if (now - entry.usedAtMs < idleMs) continue;
      logger.info({ model: id }, "model unloaded, nobody used it");
      void this.unload(id);
    }
  }
}

import type { Logger } from "../observability/logger.ts";

const intervalMs = 1_000;

/** Keeps what lists show of a document (title, excerpt) up with it, at most once a second. */
export class Projection {
  readonly #project: () => Promise<void>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(project: () => Promise<void>, logger: Logger) {
    this.#project = project;
    this.#logger = logger;
  }

  request(): void {
    this.#timer ??= setTimeout(() => this.#run(), intervalMs);
  }

  /** Does what was asked for, now. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#run();
    await this.#running;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.stop();
    this.#running = this.#running.then(this.#project).catch((error: unknown) => {
      this.#logger.warn({ err: error }, "a document's title and excerpt were not updated");
    });
  }
}

import { createHash } from "node:crypto";
import type { ModelJob } from "#shared/models.ts";
import { AppError, ConflictError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import { type AddOrder, type AddProgress, discardOrder, listOrders } from "./add-model.ts";
import { Pace } from "./pace.ts";

export interface ModelJobsOptions {
  modelsDir: string;
  /** Does what is ordered; rejects with the signal's reason. */
  add: (
    order: AddOrder,
    onProgress: (progress: AddProgress) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  logger: Logger;
}

interface Job {
  readonly order: AddOrder;
  /** Called once the model is there. */
  onAdded: () => Promise<void>;
  state: ModelJob["state"];
  progress: AddProgress;
  pace: Pace;
  problem: string | null;
  cancel: AbortController;
}

/** The models that are being added: one after the other, what was begun before a restart as well. */
export class ModelJobs {
  readonly #options: ModelJobsOptions;
  readonly #jobs = new Map<string, Job>();
  #atWork: Promise<void> | undefined;
  #closed = false;

  constructor(options: ModelJobsOptions) {
    this.#options = options;
  }

  /** All that is not finished, in the order in which it was asked for. */
  async list(): Promise<ModelJob[]> {
    await this.#findBegun();
    return [...this.#jobs].map(([id, job]) => describe(id, job));
  }

  /** Puts an order in line, or the one of the same model again where it stopped or failed. */
  order(order: AddOrder, onAdded: () => Promise<void>): ModelJob {
    const id = idOf(order);
    const known = this.#jobs.get(id);
    if (known?.state === "running" || known?.state === "queued") {
      const message = `${order.repository} is already being added.`;
      throw new ConflictError("model_being_added", message);
    }
    const job = newJob(known?.order ?? order, "queued", onAdded);
    // At the end of the line, also where it stood before.
    this.#jobs.delete(id);
    this.#jobs.set(id, job);
    this.#goOn();
    return describe(id, job);
  }

  /** Puts one that stopped or failed in line again. Throws a 404 AppError `no_such_job`. */
  async resume(id: string, onAdded: (order: AddOrder) => Promise<void>): Promise<ModelJob> {
    await this.#findBegun();
    const { order } = this.#require(id);
    return this.order(order, () => onAdded(order));
  }

  /** Stops one; what is here of it stays, to be gone on with. Throws a 404 AppError `no_such_job`. */
  async stop(id: string): Promise<ModelJob> {
    const job = this.#require(id);
    if (job.state === "queued") job.state = "stopped";
    if (job.state === "running") {
      job.cancel.abort(new Error("stopped by a person"));
      await this.#atWork;
    }
    return describe(id, job);
  }

  /** Stops one and removes what is here of it. Throws a 404 AppError `no_such_job`. */
  async discard(id: string): Promise<void> {
    await this.#findBegun();
    const { order } = this.#require(id);
    await this.stop(id);
    await discardOrder(this.#options.modelsDir, order);
    this.#jobs.delete(id);
  }

  /** Stops what is at work; what is here of it stays. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { cancel } of this.#jobs.values()) cancel.abort(new Error("the server stops"));
    await this.#atWork;
  }

  #require(id: string): Job {
    const job = this.#jobs.get(id);
    if (job !== undefined) return job;
    throw new AppError("no_such_job", 404, "This model is not being added any more.");
  }

  /** What lies on the disk and nobody here works on: of an earlier server, or of the command line. */
  async #findBegun(): Promise<void> {
    const orders = await listOrders(this.#options.modelsDir);
    const begun = new Set(orders.map(idOf));
    for (const order of orders)
      if (!this.#jobs.has(idOf(order)))
        this.#jobs.set(
          idOf(order),
          newJob(order, "stopped", async () => undefined),
        );
    for (const [id, { state }] of this.#jobs)
      if (state === "stopped" && !begun.has(id)) this.#jobs.delete(id);
  }

  #goOn(): void {
    if (this.#atWork !== undefined || this.#closed) return;
    const next = [...this.#jobs].find(([, { state }]) => state === "queued");
    if (next === undefined) return;
    this.#atWork = this.#work(...next).finally(() => {
      this.#atWork = undefined;
      this.#goOn();
    });
  }

  async #work(id: string, job: Job): Promise<void> {
    const { add, logger } = this.#options;
    const { repository } = job.order;
    job.state = "running";
    const onProgress = (progress: AddProgress) => {
      job.progress = progress;
      job.pace.note(progress.step === "downloading" ? progress.done : undefined);
    };
    try {
      await add(job.order, onProgress, job.cancel.signal);
      this.#jobs.delete(id);
      await job.onAdded();
      logger.info({ repository, model: job.order.modelId }, "model added");
    } catch (error) {
      if (job.cancel.signal.aborted) {
        job.state = "stopped";
        return;
      }
      job.state = "failed";
      job.problem = error instanceof AppError ? error.message : unforeseen;
      this.#jobs.set(id, job);
      logger.warn({ err: error, repository }, "model could not be added");
    }
  }
}

const unforeseen =
  "Something unforeseen went wrong; the server's log has it. What has come is kept: try again.";

function newJob(order: AddOrder, state: Job["state"], onAdded: () => Promise<void>): Job {
  return {
    order,
    onAdded,
    state,
    progress: { step: "asking", done: 0, total: 0 },
    pace: new Pace(),
    problem: null,
    cancel: new AbortController(),
  };
}

/** The same for the same model, in every process. */
function idOf({ repository }: AddOrder): string {
  return createHash("sha256").update(repository).digest("hex").slice(0, 16);
}

function describe(id: string, { order, state, progress, pace, problem }: Job): ModelJob {
  const { repository, modelId } = order;
  const bytesPerSecond = state === "running" ? pace.bytesPerSecond() : null;
  return { id, repository, modelId, state, ...progress, bytesPerSecond, problem };
}

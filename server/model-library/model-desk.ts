import { join } from "node:path";
import type { Model } from "#shared/http.ts";
import {
  type AdminModel,
  type AdminModels,
  type ModelCheck,
  type ModelJob,
} from "#shared/models.ts";
import type { Actor } from "#shared/permissions.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { ConflictError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import { readModelCard } from "../inference/model-card.ts";
import type { Logger } from "../observability/logger.ts";
import { type AddOrder, addModel, type Convert, orderFor, refuseTaken } from "./add-model.ts";
import { changeDefault } from "./change-default.ts";
import { explainDisk, folderBytes, freeBytes } from "./disk.ts";
import type { Hub } from "./hub.ts";
import { adoptManifest, readManifest } from "./manifest.ts";
import { ModelJobs } from "./model-jobs.ts";
import type { ModelLibrary, UnusableModel } from "./model-library.ts";
import { refuseDefault, removeModel } from "./remove-model.ts";
import type { Patience } from "./retries.ts";
import { verifyModel } from "./verify-model.ts";
import { watchModels } from "./watch-models.ts";

/** Who asks for a change, and from where. */
export interface Asker {
  actor: Actor;
  sender: Sender;
}

/** What admins do with the models of this installation; every change is in the audit log. */
export interface ModelDesk {
  read(): Promise<AdminModels>;
  /** Throws ConflictError `model_exists`, `model_being_added`. */
  add(asker: Asker, name: string): Promise<ModelJob>;
  stop(jobId: string): Promise<ModelJob>;
  resume(asker: Asker, jobId: string): Promise<ModelJob>;
  discard(jobId: string): Promise<void>;
  /** Throws ConflictError `model_in_use` with the number of live runs unless forced, `model_is_default`. */
  remove(asker: Asker, id: string, options: { force: boolean }): Promise<void>;
  makeDefault(asker: Asker, id: string): Promise<void>;
  verify(id: string): Promise<ModelCheck>;
  close(): Promise<void>;
}

export interface ModelDeskOptions {
  modelsDir: string;
  models: Pick<ModelLibrary, "list" | "unusable" | "refresh" | "retire" | "usage">;
  hub: Hub;
  convert: Convert;
  /** Live runs by model. */
  countLiveRuns: () => Promise<ReadonlyMap<string, number>>;
  audit: AuditLog;
  logger: Logger;
  patience?: Patience | undefined;
}

export function createModelDesk(options: ModelDeskOptions): ModelDesk {
  const { modelsDir, models, hub, convert, countLiveRuns, audit, logger, patience } = options;
  const closing = new AbortController();
  const jobs = new ModelJobs({
    modelsDir,
    logger,
    add: async (order, onProgress, signal) => {
      await addModel({ hub, modelsDir, order, onProgress, convert, patience }, signal);
    },
  });
  const refresh = () => models.refresh();
  const adopted = adoptManifest(modelsDir).catch((error: unknown) =>
    // Where nothing can be written nothing can be lost either.
    logger.info({ err: error }, "the manifest of models stays where it is"),
  );
  const watch = watchModels({ modelsDir, refresh, logger });

  const record = (
    { actor, sender }: Asker,
    action: "model.added" | "model.removed" | "model.default_changed",
    id: string,
    details: Record<string, string | number> = {},
  ) =>
    audit.record({
      action,
      actorId: actor.id,
      target: { kind: "model", id },
      sender,
      details,
    });
  const onAdded =
    (asker: Asker) =>
    async ({ repository, modelId }: AddOrder) => {
      refresh();
      await record(asker, "model.added", modelId, { repository });
    };

  return {
    async read() {
      const runs = await countLiveRuns();
      const here = readManifest(modelsDir).models;
      const all = [...models.list(), ...models.unusable().map(describeUnusable)];
      const found = all.map(async (model): Promise<AdminModel> => {
        const uses = { liveRuns: runs.get(model.id) ?? 0, inUse: models.usage(model.id) };
        const files = here.includes(model.id) ? await readFiles(modelsDir, model.id) : elsewhere;
        return { ...model, ...uses, ...files };
      });
      return {
        models: await Promise.all(found),
        jobs: await jobs.list(),
        hub: hub.host,
        freeBytes: await freeBytes(modelsDir),
      };
    },
    async add(asker, name) {
      const order = orderFor(name);
      refuseTaken(modelsDir, order.modelId);
      return jobs.order(order, () => onAdded(asker)(order));
    },
    stop: (jobId) => jobs.stop(jobId),
    resume: (asker, jobId) => jobs.resume(jobId, onAdded(asker)),
    discard: (jobId) => jobs.discard(jobId),
    async remove(asker, id, { force }) {
      refuseDefault(readManifest(modelsDir), id);
      const liveRuns = (await countLiveRuns()).get(id) ?? 0;
      if (liveRuns > 0 && !force) throw inUse(id, liveRuns);
      try {
        await models.retire(id);
        await removeModel(modelsDir, id);
      } finally {
        refresh();
      }
      await record(asker, "model.removed", id, { liveRuns });
    },
    async makeDefault(asker, id) {
      try {
        await changeDefault(modelsDir, id);
      } catch (error) {
        throw explainDisk(error, modelsDir);
      }
      refresh();
      await record(asker, "model.default_changed", id);
    },
    verify: (id) => verifyModel(modelsDir, id, closing.signal),
    async close() {
      closing.abort(new Error("the server stops"));
      await watch.close();
      await adopted;
      await jobs.close();
    },
  };
}

type Files = Pick<AdminModel, "installed" | "licence" | "quality" | "sizeBytes" | "problem">;

/** What another machine runs has no files here. */
const elsewhere: Files = {
  installed: false,
  licence: "",
  quality: null,
  sizeBytes: 0,
  problem: null,
};

async function readFiles(modelsDir: string, id: string): Promise<Files> {
  const folder = join(modelsDir, id);
  const sizeBytes = await folderBytes(folder).catch(() => 0);
  try {
    const { licence, quality = null } = readModelCard(folder);
    return { installed: true, licence, quality, sizeBytes, problem: null };
  } catch (error) {
    // Damaged, or just being removed: it is shown all the same, so that it can be.
    const problem = error instanceof Error ? error.message : String(error);
    return { ...elsewhere, installed: true, sizeBytes, problem };
  }
}

/** Its card would say the rest. */
function describeUnusable({ id, default: isDefault }: UnusableModel): Model {
  const unknown = { parameters: 0, contextTokens: 0, precision: "" };
  return { id, name: id, ...unknown, default: isDefault, available: false };
}

/** 409: runs live that write with it. */
export function inUse(id: string, liveRuns: number): ConflictError {
  const runs = liveRuns === 1 ? "One run that is" : `${liveRuns} runs that are`;
  const message = `${runs} going or paused ${liveRuns === 1 ? "writes" : "write"} with ${id}. Remove it all the same, and they pause; their text stays, and a new Start chooses another model.`;
  return new ConflictError("model_in_use", message, { liveRuns });
}

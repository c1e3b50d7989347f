import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  hubNameSchema,
  type ModelJobStep,
  modelIdOf,
  modelIdSchema,
  promptTemplateSchema,
  repositoryOf,
} from "#shared/models.ts";
import { ConflictError, InvalidError } from "../errors.ts";
import type { ModelCard } from "../inference/model-card.ts";
import { explainDisk } from "./disk.ts";
import { fetchModel } from "./fetch-model.ts";
import type { Hub } from "./hub.ts";
import { readManifest } from "./manifest.ts";
import { tryLock } from "./models-lock.ts";
import { precisions } from "./precision.ts";
import type { Patience } from "./retries.ts";

/** What is to be added, as it is kept beside the download. */
const orderSchema = z.object({
  repository: hubNameSchema,
  modelId: modelIdSchema,
  makeDefault: z.boolean(),
  /** Else the one that measuring chooses. */
  precision: z.enum(precisions).optional(),
  promptTemplate: promptTemplateSchema.optional(),
});
export type AddOrder = z.infer<typeof orderSchema>;

export interface AddRequest {
  hub: Hub;
  modelsDir: string;
  order: AddOrder;
  onProgress: (progress: AddProgress) => void;
  patience?: Patience | undefined;
  readFree?: ((folder: string) => Promise<number>) | undefined;
  convert: Convert;
}

/** Turns a folder into a model of this installation; rejects with the signal's reason. */
export type Convert = (request: {
  source: string;
  modelsDir: string;
  id: string;
  makeDefault: boolean;
  precision?: AddOrder["precision"];
  promptTemplate?: AddOrder["promptTemplate"];
  onProgress: (progress: AddProgress) => void;
  signal: AbortSignal;
}) => Promise<ModelCard>;

/** Bytes while it is fetched and verified, then the importer's own units; total 0: not known. */
export interface AddProgress {
  step: ModelJobStep;
  done: number;
  total: number;
}

interface OrderChoice extends Pick<AddOrder, "precision" | "promptTemplate"> {
  id?: string | undefined;
  makeDefault?: boolean | undefined;
}

/** What a name of the hub asks for; its id here is the last part of the name unless given. */
export function orderFor(
  name: string,
  { id, makeDefault = false, ...wishes }: OrderChoice = {},
): AddOrder {
  const repository = repositoryOf(name);
  const modelId = modelIdSchema.safeParse(id ?? modelIdOf(repository)).data;
  if (modelId === undefined) {
    const message =
      "A model's id is up to 64 lower-case letters, digits, dots, dashes and underscores.";
    throw new InvalidError(message, { field: "id" });
  }
  return { repository, modelId, makeDefault, ...wishes };
}

/**
 * Fetches a model from the hub, converts it and adds it to the manifest; what is fetched stays until
 * then, so that the same call goes on after a break. Throws HubError, ModelRefusedError, ConflictError
 * `model_exists` or `model_being_added`, and the signal's reason.
 */
export async function addModel(request: AddRequest, signal: AbortSignal): Promise<ModelCard> {
  const { modelsDir, order } = request;
  const folder = downloadFolder(modelsDir, order.repository);
  try {
    refuseTaken(modelsDir, order.modelId);
    await mkdir(folder, { recursive: true });
    const lock = await tryLock(join(folder, ".lock"), folder);
    if ("holder" in lock) throw beingAdded(order, lock.holder);
    try {
      await writeFile(join(folder, orderName), JSON.stringify(order));
      return await fetchAndConvert(request, folder, signal);
    } finally {
      // Before another process may take the folder for its own.
      await forgetUnbegun(folder);
      await lock.release();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw explainDisk(error, modelsDir);
  }
}

const orderName = ".order.json";

async function fetchAndConvert(
  { hub, modelsDir, order, onProgress, convert, ...how }: AddRequest,
  folder: string,
  signal: AbortSignal,
): Promise<ModelCard> {
  const { repository, modelId: id, ...wishes } = order;
  const importCommand = `npm run cli -- models import FOLDER --id ${id}`;
  await fetchModel({ hub, repository, folder, importCommand, onProgress, ...how }, signal);
  const card = await convert({ source: folder, modelsDir, id, ...wishes, onProgress, signal });
  await rm(folder, { recursive: true, force: true });
  return card;
}

/** Of an order for which nothing came there is nothing to go on with. */
async function forgetUnbegun(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.every((name) => name.startsWith(".")))
    await rm(folder, { recursive: true, force: true });
}

function downloadsFolder(modelsDir: string): string {
  return join(modelsDir, ".downloads");
}

function downloadFolder(modelsDir: string, repository: string): string {
  // A name of the hub has no two dashes in a row.
  return join(downloadsFolder(modelsDir), repository.replace("/", "--"));
}

/** What was begun and neither finished nor discarded, here or by another process. */
export async function listOrders(modelsDir: string): Promise<AddOrder[]> {
  const folder = downloadsFolder(modelsDir);
  const names = await readdir(folder).catch(() => []);
  const orders = await Promise.all(names.map((name) => readOrder(join(folder, name))));
  return orders.filter((order) => order !== undefined);
}

async function readOrder(folder: string): Promise<AddOrder | undefined> {
  try {
    return orderSchema.parse(JSON.parse(await readFile(join(folder, orderName), "utf8")));
  } catch {
    // Another process is just making or removing it.
    return undefined;
  }
}

/** Removes what was fetched. Throws ConflictError `model_being_added` while another process adds it. */
export async function discardOrder(modelsDir: string, order: AddOrder): Promise<void> {
  const folder = downloadFolder(modelsDir, order.repository);
  if ((await readOrder(folder)) === undefined) return;
  const lock = await tryLock(join(folder, ".lock"), folder);
  if ("holder" in lock) throw beingAdded(order, lock.holder);
  await rm(folder, { recursive: true, force: true });
}

/** Throws ConflictError `model_exists`. */
export function refuseTaken(modelsDir: string, id: string): void {
  if (!readManifest(modelsDir).models.includes(id)) return;
  const message = `A model called ${id} is installed. Remove it first, or on the command line give this one another name with --id.`;
  throw new ConflictError("model_exists", message);
}

function beingAdded({ repository }: AddOrder, holder: string): ConflictError {
  const message = `${repository} is being added by ${holder}. Wait for it, or stop it first.`;
  return new ConflictError("model_being_added", message);
}

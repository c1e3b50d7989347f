import type { Hub, HubFile } from "./hub.ts";
import { HubError } from "./hub-error.ts";
import { type Patience, persist } from "./retries.ts";

/** What is fetched of a repository; the last ones may be missing. */
const required = ["config.json", "tokenizer.json", "model.safetensors"] as const;
const optional = ["tokenizer_config.json", "README.md"] as const;
export const hubFileNames = [...required, ...optional];

export const weightsName = "model.safetensors";
/** How large each may be: what is larger is something else. */
const mostBytes: Readonly<Record<string, number>> = {
  "config.json": 1e6,
  "tokenizer.json": 64e6,
  "tokenizer_config.json": 4e6,
  "README.md": 4e6,
  [weightsName]: 64e9,
};

export interface Repository {
  hub: Hub;
  repository: string;
  /** A branch, or a commit that an earlier attempt began with. */
  revision: string;
  patience: Patience;
}

/**
 * Asks what there is to fetch, all of one commit where the hub tells commits. Throws HubError where
 * the repository is missing, or holds no GPT-2 that can be imported, with what to do.
 */
export async function findHubFiles(place: Repository, signal: AbortSignal): Promise<HubFile[]> {
  const { hub, repository, revision, patience } = place;
  const ask = (name: string, at: string) =>
    persist(() => hub.describe({ repository, revision: at, name }, signal), patience, signal);
  const config = await ask("config.json", revision);
  if (config === undefined) throw missing(place, "config.json");
  const at = config.commit ?? revision;
  const files = [config];
  for (const name of hubFileNames.filter((each) => each !== "config.json")) {
    const file = await ask(name, at);
    if (file !== undefined) files.push(file);
    else if ((required as readonly string[]).includes(name))
      throw await explainMissing(place, name, (other) => ask(other, at));
  }
  for (const file of files) refuseUnfit(place, file);
  return files;
}

async function explainMissing(
  place: Repository,
  name: string,
  ask: (name: string) => Promise<HubFile | undefined>,
): Promise<HubError> {
  if (name !== weightsName) return missing(place, name);
  const { repository } = place;
  if ((await ask(`${weightsName}.index.json`)) !== undefined) {
    const message = `${repository} keeps its weights in several files, which cannot be imported. Save it as one with Python: model.save_pretrained(folder, max_shard_size="100GB"), then import that folder.`;
    return new HubError("hub_unsuitable", message);
  }
  if ((await ask("pytorch_model.bin")) !== undefined) {
    const message = `${repository} has its weights only as a Python pickle, which can run any program when it is read. Look for one with model.safetensors, or convert it elsewhere and import the folder.`;
    return new HubError("hub_unsuitable", message);
  }
  return missing(place, name);
}

function missing({ repository }: Repository, name: string): HubError {
  const message = `${repository} has no ${name}. It is not a GPT-2 in the layout that can be imported: config.json, tokenizer.json, model.safetensors.`;
  return new HubError("hub_unsuitable", message);
}

function refuseUnfit({ hub, repository }: Repository, { name, bytes, hash }: HubFile): void {
  if (bytes > (mostBytes[name] ?? 0))
    throw new HubError("hub_unsuitable", `${name} of ${repository} is ${bytes} bytes large.`);
  if (name === weightsName && hash?.kind !== "sha256") {
    const message = `${hub.host} does not tell the SHA-256 of ${name}, so that what comes could not be verified. Get the files another way and import them.`;
    throw new HubError("hub_unsuitable", message);
  }
}

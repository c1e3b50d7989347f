import { join } from "node:path";
import type { Writable } from "node:stream";
import { type Command, Option } from "commander";
import { hubNameSchema, promptTemplateSchema } from "#shared/models.ts";
import type { Config } from "../config.ts";
import { InvalidError, UnavailableError } from "../errors.ts";
import { parseInput } from "../http/input.ts";
import { type ModelCard, readModelCard } from "../inference/model-card.ts";
import { addModel, orderFor } from "../model-library/add-model.ts";
import { changeDefault } from "../model-library/change-default.ts";
import { explainDisk, folderBytes, inBytes } from "../model-library/disk.ts";
import { createHub } from "../model-library/hub.ts";
import { importModel } from "../model-library/import-model.ts";
import { readManifest } from "../model-library/manifest.ts";
import type { Measure } from "../model-library/measure-model.ts";
import { type Precision, precisions } from "../model-library/precision.ts";
import { removeModel } from "../model-library/remove-model.ts";
import { describeCheck, verifyModel } from "../model-library/verify-model.ts";
import { refuseInUse } from "./models-in-use.ts";
import { type ProgressLine, startProgressLine } from "./progress-line.ts";

export interface ModelCommandsOptions extends Pick<Config, "modelsDir" | "hub"> {
  /** Where progress is shown; by default standard output. */
  output?: Writable | undefined;
  /** Measures what was converted; by default in a process of its own. */
  measure?: Measure | undefined;
}

interface AddFlags {
  id?: string;
  default?: true;
  precision?: Precision;
  promptTemplate?: string;
}

/** `models list`, `add`, `import`, `default`, `remove`, `verify` */
export function registerModelCommands(program: Command, options: ModelCommandsOptions): void {
  const { modelsDir } = options;
  const models = program.command("models").description("the models that can write");
  const idOption = new Option("--id <id>", "what to call it (else as it is called there)");
  const defaultOption = new Option("--default", "let it write when nobody chooses a model");
  const precisionOption = new Option(
    "--precision <precision>",
    "instead of the one that measuring chooses",
  ).choices(precisions);
  const templateOption = new Option(
    "--prompt-template <template>",
    'what the model wants around its input, as in "<|endoftext|>[WP] {input} [RESPONSE] "',
  );
  models
    .command("list")
    .description("list the models of this installation")
    .action(() => printModels(modelsDir));
  models
    .command("add")
    .description(
      "fetch a model from the hub, convert it and measure it; goes on where it broke off",
    )
    .argument("<name>", "gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, or owner/name")
    .addOption(idOption)
    .addOption(defaultOption)
    .addOption(precisionOption)
    .addOption(templateOption)
    .action((name: string, flags: AddFlags) => add(options, name, flags));
  models
    .command("import")
    .description("turn a Hugging Face GPT-2 folder into a model of this installation")
    .argument("<path>", "folder with config.json, tokenizer.json and model.safetensors")
    .addOption(idOption)
    .addOption(defaultOption)
    .addOption(precisionOption)
    .addOption(templateOption)
    .action((path: string, flags: AddFlags) => importFolder(options, path, flags));
  models
    .command("default")
    .description("let a model write when nobody chooses one")
    .argument("<id>")
    .action(async (id: string) => {
      await changeDefault(modelsDir, id).catch((error: unknown) => {
        throw explainDisk(error, modelsDir);
      });
      console.log(`${id} writes when nobody chooses a model.`);
    });
  models
    .command("remove")
    .description("delete a model; runs that use it are named first")
    .argument("<id>")
    .option("--force", "although runs that are going or paused write with it")
    .action(async (id: string, { force = false }: { force?: boolean }) => {
      await refuseInUse(id, { force });
      await removeModel(modelsDir, id);
      console.log(`Removed ${id}.`);
    });
  models
    .command("verify")
    .description("compare a model's files with what was imported; without an id, all models")
    .argument("[id]")
    .action((id: string | undefined) => verify(modelsDir, id));
}

async function add(
  { modelsDir, hub, output, measure }: ModelCommandsOptions,
  name: string,
  { id, default: chosen, ...wishes }: AddFlags,
): Promise<void> {
  // What is wrong with them shows before anything is fetched.
  const given = parseWishes(wishes);
  const choice = { id, makeDefault: chosen, ...given };
  const order = orderFor(parseInput(hubNameSchema, name), choice);
  await withProgress(
    async (line, signal) => {
      const card = await addModel(
        {
          hub: createHub(hub),
          modelsDir,
          order,
          onProgress: (progress) => line.show(progress),
          convert: (request) => importModel({ ...request, measure }),
        },
        signal,
      );
      line.end(`Added ${describe(card)}`);
    },
    { output, stopped: "Stopped. What has come is kept: the same command goes on." },
  );
}

async function importFolder(
  { modelsDir, output, measure }: ModelCommandsOptions,
  source: string,
  { id, default: chosen, ...wishes }: AddFlags,
): Promise<void> {
  const given = parseWishes(wishes);
  await withProgress(
    async (line, signal) => {
      const onProgress: ProgressLine["show"] = (progress) => line.show(progress);
      const request = { source, modelsDir, id, makeDefault: chosen, onProgress, signal, measure };
      const card = await importModel({ ...request, ...given }).catch((error: unknown) => {
        throw explainDisk(error, modelsDir);
      });
      line.end(`Imported ${describe(card)}`);
    },
    { output, stopped: "Stopped. Nothing was changed." },
  );
}

/** Throws an InvalidError on a template without a place for the input. */
function parseWishes({
  precision,
  promptTemplate,
}: Pick<AddFlags, "precision" | "promptTemplate">) {
  if (promptTemplate === undefined) return { precision };
  return { precision, promptTemplate: parseInput(promptTemplateSchema, promptTemplate) };
}

const interrupts = ["SIGINT", "SIGTERM"] as const;

/** Ctrl-C stops the task in an orderly way, a second one at once. */
async function withProgress(
  task: (line: ProgressLine, signal: AbortSignal) => Promise<void>,
  { output = process.stdout, stopped }: { output: Writable | undefined; stopped: string },
): Promise<void> {
  const line = startProgressLine(output);
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(new InvalidError(stopped));
  for (const signal of interrupts) process.once(signal, onInterrupt);
  try {
    await task(line, stop.signal);
  } finally {
    line.end();
    for (const signal of interrupts) process.removeListener(signal, onInterrupt);
  }
}

function describe({
  id,
  parameters,
  contextTokens,
  precision,
  licence,
  quality,
}: ModelCard): string {
  const size = `${inMillions(parameters)} parameters`;
  const kl = quality === undefined ? "" : `, mean KL ${Number(quality.meanKl.toPrecision(2))}`;
  return `${id}: ${size}, context ${contextTokens}, ${precision}${kl}, licence ${licence}.`;
}

function inMillions(parameters: number): string {
  return `${(parameters / 1e6).toFixed(1)} M`;
}

async function printModels(modelsDir: string): Promise<void> {
  const manifest = readManifest(modelsDir);
  if (manifest.models.length === 0) console.log("There are no models yet.");
  for (const id of manifest.models) {
    const mark = id === manifest.default ? "*" : " ";
    console.log(`${mark} ${id}  ${await describeInstalled(join(modelsDir, id))}`);
  }
}

/** Of one that cannot be used: why, and what to do. */
async function describeInstalled(folder: string): Promise<string> {
  try {
    const { parameters, contextTokens, precision, licence } = readModelCard(folder);
    const size = `${inMillions(parameters)}  context ${contextTokens}  ${precision}`;
    return `${size}  ${inBytes(await folderBytes(folder))}  ${licence}`;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return `cannot be used. ${error.message}`;
  }
}

async function verify(modelsDir: string, wanted: string | undefined): Promise<void> {
  const ids = wanted === undefined ? readManifest(modelsDir).models : [wanted];
  const signal = new AbortController().signal;
  for (const id of ids) {
    const check = await verifyModel(modelsDir, id, signal);
    console.log(describeCheck(id, check));
    if (check.damaged.length > 0) process.exitCode = 1;
  }
}

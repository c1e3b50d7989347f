import { join } from "node:path";
import type { Command } from "commander";
import { readModelCard } from "../inference/model-card.ts";
import { importModel } from "../model-library/import-model.ts";
import { readManifest } from "../model-library/manifest.ts";

/** Adds `models import` and `models list` to the command line. */
export function registerModelCommands(program: Command, deps: { modelsDir: string }): void {
  const models = program.command("models").description("the models that can write");
  models
    .command("import")
    .description("turn a Hugging Face GPT-2 folder into a model of this installation")
    .argument("<path>", "folder with config.json, tokenizer.json and model.safetensors")
    .option("--id <id>", "what to call it (else the folder's name)")
    .option("--default", "let it write when nobody chooses a model")
    .action(async (path: string, options: { id?: string; default?: true }) => {
      const card = await importModel({
        source: path,
        modelsDir: deps.modelsDir,
        id: options.id,
        makeDefault: options.default,
      });
      const size = `${(card.parameters / 1e6).toFixed(1)} M parameters`;
      console.log(`Imported ${card.id}: ${size}, context ${card.contextTokens}, ${card.licence}.`);
    });
  models
    .command("list")
    .description("list the models of this installation")
    .action(() => printModels(deps.modelsDir));
}

function printModels(modelsDir: string): void {
  const manifest = readManifest(modelsDir);
  if (manifest.models.length === 0) console.log("There are no models yet.");
  for (const id of manifest.models) {
    const card = readModelCard(join(modelsDir, id));
    const mark = id === manifest.default ? "*" : " ";
    const size = `${(card.parameters / 1e6).toFixed(1)} M`;
    console.log(`${mark} ${id}  ${size}  context ${card.contextTokens}  ${card.precision}`);
  }
}

import { basename, join } from "node:path";
import { checkTokenizer } from "./check-tokenizer.ts";
import { type Gpt2Config, parseGpt2Config } from "./gpt2-config.ts";
import { isMaskBuffer, type ModelTensor, matchTensors } from "./gpt2-tensors.ts";
import { readLicence } from "./licence.ts";
import { openSafetensors, type Safetensors } from "./safetensors.ts";
import { checkSourceFolder, readSourceText } from "./source-folder.ts";

/** A Hugging Face model folder that has been checked, with its weights open. */
export interface SourceModel {
  folder: string;
  name: string;
  config: Gpt2Config;
  licence: string;
  weights: Safetensors;
  tensors: readonly ModelTensor[];
  /** The files that go into a model folder of ours as they are. */
  texts: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/** Opens a model folder; refuses what is not a whole GPT-2 before anything is read at length. */
export async function openSourceModel(path: string): Promise<SourceModel> {
  const folder = await checkSourceFolder(path);
  const texts = new Map<string, string>();
  const configText = await readSourceText(folder, "config.json");
  const config = parseGpt2Config(configText);
  texts.set("config.json", configText);
  texts.set(
    "tokenizer.json",
    checkTokenizer(await readSourceText(folder, "tokenizer.json"), config),
  );
  texts.set("tokenizer_config.json", await readSourceText(folder, "tokenizer_config.json"));
  const licence = await readLicence(folder);
  const weights = await openSafetensors(join(folder, "model.safetensors"), isMaskBuffer);
  try {
    const tensors = matchTensors(config, weights.entries);
    const close = () => weights.close();
    return { folder, name: basename(folder), config, licence, weights, tensors, texts, close };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

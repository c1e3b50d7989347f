import type { LoadedModel, Tokenizer } from "../inference/engine.ts";
import type { CharacterRun } from "./characters.ts";

/** Token ids that stand around the text in the prompt of a model that was trained on prompts. */
export interface PromptFrame {
  before: readonly number[];
  /** Between what the run found and what it writes. */
  after: readonly number[];
}

const inputMark = "{input}";
const endOfTextMark = "<|endoftext|>";

/** The frame's part of the context; a longer one would leave the text too little. */
const frameShare = 1 / 4;

/** The ids of the model's prompt template; undefined where it has none that fits. */
export function readFrame(model: LoadedModel): PromptFrame | undefined {
  const { promptTemplate, tokenizer, engine } = model;
  if (promptTemplate === undefined) return undefined;
  const place = promptTemplate.indexOf(inputMark);
  // The card's schema sees to it that the mark is there.
  const encode = (text: string) => encodeWithMarks(text, tokenizer);
  const before = encode(promptTemplate.slice(0, place));
  const after = encode(promptTemplate.slice(place + inputMark.length));
  const fits = before.length + after.length <= engine.model.contextTokens * frameShare;
  return fits ? { before, after } : undefined;
}

/** In a template, and only there, the special token may be named. */
function encodeWithMarks(text: string, tokenizer: Tokenizer): number[] {
  return text.split(endOfTextMark).flatMap((part, index) => {
    const ids = tokenizer.encode(part);
    return index > 0 ? [tokenizer.endOfTextId, ...ids] : ids;
  });
}

/** Offset of the first character that the run wrote itself; their length where it wrote none. */
export function ownStart(characters: readonly CharacterRun[], runId: string): number {
  let offset = 0;
  for (const { text, attributes } of characters) {
    if (attributes["run"] === runId) return offset;
    offset += text.length;
  }
  return offset;
}

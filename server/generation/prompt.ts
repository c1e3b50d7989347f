import * as Y from "yjs";
import type { EngineModel, Tokenizer } from "../inference/engine.ts";
import { bodyOf, caretIndex, positionBefore } from "./caret.ts";
import {
  type CharacterId,
  type CharacterRun,
  type IdentifiedText,
  joinCharacters,
  readCharacters,
} from "./characters.ts";
import { ownStart, type PromptFrame } from "./prompt-frame.ts";
import { createTokenMap, type TokenMap } from "./token-map.ts";
import { piecesOf, type TextToken, tokenise } from "./tokenise.ts";
import { isWordBoundary } from "./word-boundary.ts";

/** What the model is given, and which text it stands for. */
export interface Prompt {
  /** 1 … contextTokens − 1 token ids. */
  ids: readonly number[];
  /** For each id the first character that it stands for; null where it is none of the text's. */
  starts: readonly (CharacterId | null)[];
  /** The text that it was made from: from the window's start up to the caret. */
  characters: readonly CharacterRun[];
  /** Where that text begins; null: at the top of the document. */
  windowStart: Y.RelativePosition | null;
  /** The ids of this prompt by character, for the next reading. */
  map: TokenMap;
}

export interface PromptSource {
  doc: Y.Doc;
  caret: Y.RelativePosition;
  /** Ids that stand before the text (the document's memory). */
  memory: readonly number[];
  /** What the model wants around the text that the run found; after it comes what the run wrote. */
  frame: PromptFrame | undefined;
  runId: string;
  model: EngineModel;
  tokenizer: Tokenizer;
  map: TokenMap;
  /**
   * Where the window of the last prompt begins, null at the top: kept as long as it serves, so that
   * the engine's keys and values stay right. Undefined: a new window is chosen.
   */
  windowStart: Y.RelativePosition | null | undefined;
}

/** Characters read for each token of the context; English has four to five a token. */
const charactersPerToken = 6;
/** A kept window may hold so much more before it is cut without tokenising all of it. */
const mostCharactersPerToken = 16;

/**
 * Reads the live text up to the caret. A new window takes the newest three quarters of the context
 * (the rest is room to write); a kept one is cut to the newest half when it has outgrown the
 * context, as the engine does, and chosen anew when little is left of it.
 */
export function readPrompt(source: PromptSource): Prompt {
  const { windowStart, model } = source;
  if (windowStart === undefined) return readNewWindow(source);
  const caret = caretIndex(source.doc, source.caret);
  const from = Math.min(windowIndex(source.doc, windowStart), caret);
  const reach = Math.max(from, caret - model.contextTokens * mostCharactersPerToken);
  const reading = read(source, reach, caret);
  const room = model.contextTokens - 1 - fixedTokens(source);
  if (reading.tokens.length > room || reach > from) {
    const most = Math.floor(model.contextTokens / 2) - fixedTokens(source);
    return makePrompt(source, reading, cutStart(reading, most));
  }
  const little = reading.tokens.length < model.contextTokens / 4;
  return little && from > 0 ? readNewWindow(source) : makePrompt(source, reading, 0);
}

/** Offset of a window's start in the live text; the top where its place is gone. */
export function windowIndex(doc: Y.Doc, windowStart: Y.RelativePosition | null): number {
  if (windowStart === null) return 0;
  return Y.createAbsolutePositionFromRelativePosition(windowStart, doc)?.index ?? 0;
}

function readNewWindow(source: PromptSource): Prompt {
  const { contextTokens } = source.model;
  const caret = caretIndex(source.doc, source.caret);
  const from = Math.max(0, caret - contextTokens * charactersPerToken);
  const reading = read(source, from, caret);
  const most = Math.max(1, Math.floor((contextTokens * 3) / 4) - fixedTokens(source));
  return makePrompt(source, reading, cutStart(reading, most));
}

/** Tokens of the prompt that are none of the text's. */
function fixedTokens({ memory, frame }: PromptSource): number {
  return memory.length + (frame ? frame.before.length + frame.after.length : 0);
}

interface Reading {
  /** Offset of its first character in the document. */
  from: number;
  characters: CharacterRun[];
  text: IdentifiedText;
  tokens: TextToken[];
  /** Index of the first token of what the run wrote itself; where that does not count, 0. */
  ownFrom: number;
}

function read(source: PromptSource, from: number, to: number): Reading {
  const { map, tokenizer, frame, runId } = source;
  const characters = readCharacters(bodyOf(source.doc), from, to);
  const text = joinCharacters(characters);
  if (frame === undefined)
    return { from, characters, text, tokens: tokenise(text, map, tokenizer), ownFrom: 0 };
  // No token reaches from what was found into what was written: the frame's end stands between.
  const place = ownStart(characters, runId);
  const found = tokenise(partOf(text, 0, place), map, tokenizer);
  const own = tokenise(partOf(text, place), map, tokenizer);
  const moved = own.map((token) => ({ ...token, from: token.from + place }));
  return { from, characters, text, tokens: [...found, ...moved], ownFrom: found.length };
}

function partOf(whole: IdentifiedText, from: number, to = whole.text.length): IdentifiedText {
  return { text: whole.text.slice(from, to), at: (offset) => whole.at(offset + from) };
}

/** So far a cut may move to find the start of a word. */
const cutSearchTokens = 32;

/** Index of the token that the newest `most` tokens begin with, moved on to the start of a word. */
function cutStart(reading: Reading, most: number): number {
  const { tokens, text } = reading;
  const wanted = Math.max(0, tokens.length - Math.max(1, most));
  if (wanted === 0 && reading.from === 0) return 0;
  const near = tokens.slice(wanted, wanted + cutSearchTokens);
  const word = near.findIndex(
    ({ from, whole }) => whole && from > 0 && isWordBoundary(text.text, from),
  );
  const start = word >= 0 ? word : near.findIndex((token) => token.whole && token.from > 0);
  return wanted + Math.max(0, start);
}

function makePrompt(source: PromptSource, reading: Reading, start: number): Prompt {
  const { text, tokens } = reading;
  const kept = tokens.slice(start);
  const offset = start === 0 ? 0 : (kept[0]?.from ?? text.text.length);
  const prompt = inFrame(source, tokensOf(kept, text), Math.max(0, reading.ownFrom - start));
  const top = reading.from + offset === 0 || kept.length === 0;
  return {
    ids: prompt.map(({ id }) => id),
    starts: prompt.map(({ start: place }) => place),
    characters: offset === 0 ? reading.characters : dropUnits(reading.characters, offset),
    windowStart: top ? null : positionBefore(text.at(offset)),
    map: createTokenMap(piecesOf(tokens, text)),
  };
}

/** An id of the prompt, and the character that it begins with where it is the text's. */
interface PlacedId {
  id: number;
  start: CharacterId | null;
}

function tokensOf(tokens: readonly TextToken[], text: IdentifiedText): PlacedId[] {
  return tokens.map(({ id, from }) => ({ id, start: text.at(from) }));
}

/** The whole prompt; `ownFrom` of the text's tokens were found, the others written. */
function inFrame(
  { memory, frame, model }: PromptSource,
  text: readonly PlacedId[],
  ownFrom: number,
): PlacedId[] {
  const fixed = (ids: readonly number[] = []) => ids.map((id) => ({ id, start: null }));
  const prompt = [
    ...fixed(memory),
    ...fixed(frame?.before),
    ...text.slice(0, ownFrom),
    ...fixed(frame?.after),
    ...text.slice(ownFrom),
  ];
  return prompt.length > 0 ? prompt : fixed([model.endOfTextId]);
}

function dropUnits(characters: readonly CharacterRun[], count: number): CharacterRun[] {
  let left = count;
  return characters.flatMap((run) => {
    const dropped = Math.min(left, run.text.length);
    left -= dropped;
    if (dropped === run.text.length) return [];
    return [{ ...run, clock: run.clock + dropped, text: run.text.slice(dropped) }];
  });
}

/** Runs of characters at a prompt's end that surely hold its last sentence, or enough of it. */
const lastRuns = 50;

/** The end of the text that a prompt was made from. */
export function endOfPrompt({ characters }: Prompt): string {
  return characters
    .slice(-lastRuns)
    .map(({ text }) => text)
    .join("");
}

import type { Tokenizer } from "../inference/engine.ts";
import type { CharacterId, IdentifiedText } from "./characters.ts";
import { visibleText } from "./visible-text.ts";

/** Token ids that together stand for whole characters: usually one, more where a character is split. */
export interface TokenPiece {
  ids: readonly number[];
  /** Identities of the text's units, in order; at least one. */
  units: readonly CharacterId[];
  /** The unit that stood before it; null: none; undefined: not known any more. */
  after: CharacterId | null | undefined;
}

/**
 * Which token ids the model has for which characters. It follows the characters by identity, so it
 * stays true under every edit: a piece counts only where all its characters still stand in a row.
 */
export interface TokenMap {
  add(piece: TokenPiece): void;
  /** The piece that starts at `offset` and stands there untouched. */
  pieceAt(text: IdentifiedText, offset: number): TokenPiece | undefined;
}

/** An endless run forgets its oldest pieces; several windows of any model of ours fit in. */
const mostPieces = 16_384;

export function createTokenMap(pieces: Iterable<TokenPiece> = []): TokenMap {
  const byFirst = new Map<string, TokenPiece>();
  const add = (piece: TokenPiece) => {
    const first = piece.units[0];
    if (first === undefined) return;
    byFirst.set(keyOf(first), piece);
    const [oldest] = byFirst.keys();
    if (byFirst.size > mostPieces && oldest !== undefined) byFirst.delete(oldest);
  };
  for (const piece of pieces) add(piece);
  return {
    add,
    pieceAt(text, offset) {
      const piece = byFirst.get(keyOf(text.at(offset)));
      return piece && standsAt(piece, text, offset) ? piece : undefined;
    },
  };
}

function keyOf({ client, clock }: CharacterId): string {
  return `${client}:${clock}`;
}

function standsAt(piece: TokenPiece, text: IdentifiedText, offset: number): boolean {
  if (offset + piece.units.length > text.text.length) return false;
  return piece.units.every((unit, place) => sameCharacter(unit, text.at(offset + place)));
}

/** Whether both are the same unit of the text. */
export function sameCharacter(a: CharacterId, b: CharacterId): boolean {
  return a.client === b.client && a.clock === b.clock;
}

/** One token with the text that was written for it, "" where it ends inside a character. */
export interface WrittenToken {
  id: number;
  text: string;
  /** Identity of its first unit; null for a token without text. */
  first: CharacterId | null;
}

/** More tokens than a character's bytes could be spread over mean that the text was cut. */
const mostTokensInPiece = 8;

/**
 * Groups tokens into pieces whose bytes are exactly their text. Tokens for which there is no such
 * group (a stop string cut their text) are left out; their text is tokenised again when needed.
 */
export function groupPieces(
  tokens: readonly WrittenToken[],
  tokenizer: Tokenizer,
  after: TokenPiece["after"],
): TokenPiece[] {
  const pieces: TokenPiece[] = [];
  let group: WrittenToken[] = [];
  let before = after;
  for (const token of tokens) {
    group.push(token);
    const text = group.map((one) => one.text).join("");
    const ids = group.map((one) => one.id);
    const first = group.find((one) => one.first !== null)?.first;
    if (first && text === visibleText(decode(ids, tokenizer))) {
      pieces.push({ ids, units: unitsFrom(first, text.length), after: before });
    } else if (group.length < mostTokensInPiece) {
      continue;
    }
    if (first) before = { client: first.client, clock: first.clock + text.length - 1 };
    group = [];
  }
  return pieces;
}

function decode(ids: readonly number[], tokenizer: Tokenizer): string {
  return Buffer.concat(ids.map((id) => tokenizer.bytes(id))).toString("utf8");
}

function unitsFrom({ client, clock }: CharacterId, length: number): CharacterId[] {
  return Array.from({ length }, (_, unit) => ({ client, clock: clock + unit }));
}

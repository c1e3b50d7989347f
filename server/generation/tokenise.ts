import type { Tokenizer } from "../inference/engine.ts";
import type { CharacterId, IdentifiedText } from "./characters.ts";
import { sameCharacter, type TokenMap, type TokenPiece } from "./token-map.ts";
import { isWordBoundary } from "./word-boundary.ts";

/** A token of a text and where its characters begin. */
export interface TextToken {
  id: number;
  /** UTF-16 offset of the character that it begins in. */
  from: number;
  /** Whether it begins at a character's first byte. */
  whole: boolean;
}

/** A stretch of the text; `piece` where the ids that the model knows for it still hold. */
interface Span {
  from: number;
  to: number;
  piece: TokenPiece | undefined;
}

/**
 * The text's tokens: the ids that the model already has for untouched characters, and new ones from
 * the last untouched word boundary around every change.
 */
export function tokenise(text: IdentifiedText, map: TokenMap, tokenizer: Tokenizer): TextToken[] {
  const spans = spansOf(text, map);
  releaseChangedWords(spans, text);
  return joinTextSpans(spans).flatMap((span) =>
    span.piece ? tokensOfPiece(span.piece, span.from) : encodeSpan(text.text, span, tokenizer),
  );
}

function spansOf(text: IdentifiedText, map: TokenMap): Span[] {
  const spans: Span[] = [];
  let offset = 0;
  while (offset < text.text.length) {
    const piece = map.pieceAt(text, offset);
    const to = offset + (piece?.units.length ?? 1);
    spans.push({ from: offset, to, piece });
    offset = to;
  }
  return joinTextSpans(spans);
}

function joinTextSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last && !last.piece && !span.piece) last.to = span.to;
    else joined.push({ ...span });
  }
  return joined;
}

/** Where two spans meet inside a word and did not meet before, that whole word is tokenised anew. */
function releaseChangedWords(spans: readonly Span[], text: IdentifiedText): void {
  const known = spans.map((span) => span.piece);
  for (let right = 1; right < spans.length; right++) {
    const meeting = spans[right];
    if (!meeting || isWordBoundary(text.text, meeting.from)) continue;
    if (metBefore(known[right], text.at(meeting.from - 1))) continue;
    for (let at = right - 1; at >= 0; at--) {
      const span = spans[at];
      if (!span?.piece) break;
      span.piece = undefined;
      if (isWordBoundary(text.text, span.from)) break;
    }
    for (let at = right; at < spans.length; at++) {
      const span = spans[at];
      if (!span?.piece) break;
      span.piece = undefined;
      if (isWordBoundary(text.text, span.to)) break;
    }
  }
}

/** A piece whose left neighbour is not known any more is taken as untouched. */
function metBefore(piece: TokenPiece | undefined, left: CharacterId): boolean {
  if (piece === undefined || piece.after === null) return false;
  return piece.after === undefined || sameCharacter(piece.after, left);
}

function tokensOfPiece(piece: TokenPiece, from: number): TextToken[] {
  return piece.ids.map((id, place) => ({ id, from, whole: place === 0 }));
}

function encodeSpan(text: string, span: Span, tokenizer: Tokenizer): TextToken[] {
  const plain = wellFormed(text.slice(span.from, span.to));
  const offsets = characterOffsets(plain);
  let byte = 0;
  return tokenizer.encode(plain).map((id) => {
    const start = offsets[byte] ?? { from: plain.length, whole: false };
    byte += tokenizer.bytes(id).length;
    return { id, from: span.from + start.from, whole: start.whole };
  });
}

/** For each UTF-8 byte of the text: the UTF-16 offset of its character, and whether it is the first. */
function characterOffsets(text: string): Omit<TextToken, "id">[] {
  const offsets: Omit<TextToken, "id">[] = [];
  let from = 0;
  for (const character of text) {
    const bytes = Buffer.byteLength(character);
    for (let byte = 0; byte < bytes; byte++) offsets.push({ from, whole: byte === 0 });
    from += character.length;
  }
  return offsets;
}

/** Lone surrogates, which UTF-8 has no bytes for, become U+FFFD; the length stays. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** Pieces of these tokens for the next reading: each from one whole token to before the next. */
export function piecesOf(tokens: readonly TextToken[], text: IdentifiedText): TokenPiece[] {
  const pieces: TokenPiece[] = [];
  let first = 0;
  for (let next = 1; next <= tokens.length; next++) {
    const token = tokens[next];
    if (token && !token.whole) continue;
    const group = tokens.slice(first, next);
    const from = group[0]?.from ?? 0;
    const to = token?.from ?? text.text.length;
    const units = Array.from({ length: to - from }, (_, unit) => text.at(from + unit));
    const after = from > 0 ? text.at(from - 1) : null;
    if (units.length > 0) pieces.push({ ids: group.map((one) => one.id), units, after });
    first = next;
  }
  return pieces;
}

import type { Tokenizer } from "./engine.ts";
import { findStop } from "./stop-strings.ts";

/** A token and the whole characters that it completed; "" while a character is unfinished. */
export interface TextPiece<Token> {
  token: Token;
  text: string;
}

export interface TextStreamStep<Token> {
  /** What can be written now, in order; the tokens that are missing come with a later step. */
  pieces: TextPiece<Token>[];
  /** A stop string is complete: it is not in any piece, and nothing more will come. */
  stopped: boolean;
}

/** Turns the tokens of one run into text as they come. */
export interface TextStream<Token> {
  push(token: Token): TextStreamStep<Token>;
  /** Hands out all that was held back. A character that stayed unfinished is not written. */
  flush(): TextPiece<Token>[];
}

/**
 * Creates a text stream that never hands out half a character, nor anything that may still turn out
 * to be the start of a stop string. Bytes that can never become a character come out as U+FFFD.
 */
export function createTextStream<Token extends { id: number }>(options: {
  tokenizer: Pick<Tokenizer, "bytes">;
  stop: readonly string[];
}): TextStream<Token> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let held: TextPiece<Token>[] = [];
  let stopped = false;
  return {
    push(token) {
      if (stopped) return { pieces: [], stopped };
      const bytes = options.tokenizer.bytes(token.id);
      held.push({ token, text: decoder.decode(bytes, { stream: true }) });
      const text = held.map((piece) => piece.text).join("");
      const { safeLength, complete } = findStop(text, options.stop);
      const pieces = takeWhole(held, safeLength);
      if (complete) {
        stopped = true;
        pieces.push(...cut(held, safeLength - textLength(pieces)));
        held = [];
      }
      return { pieces, stopped };
    },
    flush() {
      const pieces = held;
      held = [];
      return pieces;
    },
  };
}

/** Takes from the front the pieces that lie wholly inside the first `length` units. */
function takeWhole<Token>(held: TextPiece<Token>[], length: number): TextPiece<Token>[] {
  let end = 0;
  const crossing = held.findIndex((piece) => (end += piece.text.length) > length);
  return held.splice(0, crossing === -1 ? held.length : crossing);
}

/** The piece in which a stop string begins, without it; none where nothing of it stays. */
function cut<Token>(held: readonly TextPiece<Token>[], length: number): TextPiece<Token>[] {
  const first = held[0];
  if (first === undefined || length === 0) return [];
  return [{ token: first.token, text: first.text.slice(0, length) }];
}

function textLength(pieces: readonly TextPiece<unknown>[]): number {
  return pieces.reduce((sum, { text }) => sum + text.length, 0);
}

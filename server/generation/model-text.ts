import type { GeneratedToken, Tokenizer } from "../inference/engine.ts";
import { createTextStream, type TextPiece } from "../inference/text-stream.ts";
import { visibleText } from "./visible-text.ts";

/** A token with the text that it adds to the document. */
export interface ModelToken {
  index: number;
  id: number;
  logprob: number;
  text: string;
}

/** Turns drawn tokens into text that may be written. */
export interface ModelText {
  /** The tokens that may be written now, in order; `stopped` once a stop string was drawn. */
  push(token: GeneratedToken): { ready: ModelToken[]; stopped: boolean };
  /** What was held back for a stop string that did not come; half characters are left out. */
  end(): ModelToken[];
}

/**
 * Gives tokens that share a character together, and tokens without text of their own with the next
 * one, so that what is written always stands for whole tokens. A stop string is never given.
 */
export function createModelText(tokenizer: Tokenizer, stop: readonly string[]): ModelText {
  const stream = createTextStream<GeneratedToken>({ tokenizer, stop });
  let group: TextPiece<GeneratedToken>[] = [];

  function take(pieces: readonly TextPiece<GeneratedToken>[]): ModelToken[] {
    return pieces.flatMap((piece) => {
      group.push(piece);
      return isWhole(group, tokenizer) ? release() : [];
    });
  }

  function release(): ModelToken[] {
    const tokens = group.map(modelToken);
    group = [];
    return tokens.some((token) => token.text !== "") ? tokens : [];
  }

  return {
    push(token) {
      const { pieces, stopped } = stream.push(token);
      const ready = take(pieces);
      // The piece that a stop string cuts is no whole token; its text is wanted all the same.
      return { ready: stopped ? [...ready, ...release()] : ready, stopped };
    },
    end: () => take(stream.flush()),
  };
}

function modelToken({ token, text }: TextPiece<GeneratedToken>): ModelToken {
  const { index, id, logprob } = token;
  return { index, id, logprob, text: visibleText(text) };
}

function isWhole(group: readonly TextPiece<GeneratedToken>[], tokenizer: Tokenizer): boolean {
  const text = group.map((piece) => piece.text).join("");
  const bytes = Buffer.concat(group.map((piece) => tokenizer.bytes(piece.token.id)));
  return visibleText(text) !== "" && text === bytes.toString("utf8");
}

import type { Tokenizer } from "../engine.ts";
import type { CompletionDelta, NamedToken } from "./completion-events.ts";

/** Turns what a server sends into tokens of this model. */
export interface TokenReader {
  /** In groups of which each is taken whole or not at all. */
  push(delta: CompletionDelta): NamedToken[][];
  /** Tokens of a character that is not complete. */
  rest(): NamedToken[];
}

/**
 * Takes the tokens that the server names; where it sends text alone, the model's own tokenizer says
 * what tokens that may have been. Half a character waits for its other half, or is never told. Where
 * the next prompt goes out as `text`, which cannot hold half a character, so do the tokens of one.
 */
export function createTokenReader(tokenizer: Tokenizer, prompt: "tokens" | "text"): TokenReader {
  let half = "";
  const group: NamedToken[] = [];

  function toldBy({ text, tokens, finish }: CompletionDelta): NamedToken[] {
    if (tokens !== undefined) return tokens;
    const whole = half + text;
    // A server that cuts by tokens may cut a pair of surrogates, or give U+FFFD for a beginning.
    const unfinished = finish === undefined ? /[\uD800-\uDBFF]$/ : /[\uD800-\uDBFF\uFFFD]+$/;
    half = unfinished.exec(whole)?.[0] ?? "";
    const ready = whole.slice(0, whole.length - half.length);
    return tokenizer.encode(ready).map((id) => ({ id, logprob: 0, alternatives: [] }));
  }

  return {
    push(delta) {
      return toldBy(delta).flatMap((token) => {
        group.push(token);
        const isWhole = prompt === "tokens" || endsWhole(bytesOf(tokenizer, group));
        return isWhole ? [group.splice(0)] : [];
      });
    },
    rest: () => group,
  };
}

function bytesOf(tokenizer: Tokenizer, tokens: readonly NamedToken[]): Uint8Array {
  return Buffer.concat(tokens.map(({ id }) => tokenizer.bytes(id)));
}

/** Whether UTF-8 ends after a character, and not within one. */
function endsWhole(bytes: Uint8Array): boolean {
  const start = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  const first = bytes[start];
  if (first === undefined || first < 0xc0) return true;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return bytes.length - start >= length;
}

/** What servers that are sent text take for the special token. */
const endOfText = "<|endoftext|>";

/**
 * A prompt as text, the end-of-text token by its name. A character of which the window has only the
 * end is left out, as is one that is not complete; an empty prompt is that token, for servers that
 * refuse an empty one.
 */
export function promptText(tokenizer: Tokenizer, prompt: readonly number[]): string {
  const bytes = Buffer.concat(
    prompt.map((id) =>
      id === tokenizer.endOfTextId ? Buffer.from(endOfText) : tokenizer.bytes(id),
    ),
  );
  if (bytes.length === 0) return endOfText;
  const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return decoder.decode(bytes.subarray(Math.max(0, start)), { stream: true });
}

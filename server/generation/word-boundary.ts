/**
 * Whether GPT-2's pre-tokenizer surely splits the text before `offset`, so that what lies on one
 * side cannot change the token ids of the other. Cautious: apostrophes and runs of white space,
 * whose splits depend on what follows, are never boundaries.
 */
export function isWordBoundary(text: string, offset: number): boolean {
  const left = text[offset - 1];
  const right = text[offset];
  if (left === undefined || right === undefined) return true;
  if (left === "'" || right === "'") return false;
  const before = kindOf(left);
  const after = kindOf(right);
  if (before === "space") return after !== "space" && left !== " ";
  return before !== after;
}

type Kind = "space" | "letter" | "number" | "other";

/** Halves of surrogate pairs count as "other", so that no pair is ever split here. */
function kindOf(unit: string): Kind {
  if (/\s/.test(unit)) return "space";
  if (/\p{L}/u.test(unit)) return "letter";
  if (/\p{N}/u.test(unit)) return "number";
  return "other";
}

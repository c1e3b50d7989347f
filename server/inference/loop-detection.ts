/** A run is watched for repeating itself. */
export interface LoopWatch {
  /** Takes in the next token and its text; true where the text now repeats itself. */
  add(id: number, text: string): boolean;
  /** Forgets all: only what repeats for as long again counts. */
  reset(): void;
}

/** No token before the newest so many decides anything. */
export const watchedTokens = 512;

/** A stretch that repeats exactly is one when it fills so many tokens, and so many times itself. */
const exact = { leastTokens: 48, longestPeriod: 128, short: { upTo: 32, times: 4 }, longTimes: 3 };
/** What may be a ruler, a row of dots or one cry is one only when no line of a page could hold it. */
const oneLine = { leastTokens: 128 };
/**
 * Or when of so many tokens at most this share of the groups of four is new; groups without a word
 * (rulers of a table) do not count, and say nothing where they are the most.
 */
const nearly = { tokens: 256, group: 4, leastGroups: 128, mostNew: 0.2, every: 16 };

interface WatchedToken {
  id: number;
  /** Whether there is a letter or a figure in it. */
  hasWord: boolean;
}

/**
 * Finds a text that goes round in a circle: one stretch again and again, or with small changes.
 * Refrains, lists and rhymes that come back between other words are none.
 */
export function createLoopWatch(): LoopWatch {
  let tokens: WatchedToken[] = [];
  /** For each period: how many tokens in a row were the same as those a period before. */
  let matched = new Int32Array(exact.longestPeriod + 1);
  let count = 0;
  /** Tokens in a row without a line break, without a letter or a figure, and all the same. */
  let inLine = 0;
  let wordless = 0;
  let alike = 0;

  /** How many tokens have to repeat in a stretch of so many with this period. */
  function leastTokens(stretch: number, period: number): number {
    const times = period <= exact.short.upTo ? exact.short.times : exact.longTimes;
    const mayBeRuler = inLine >= stretch && (alike >= stretch || wordless >= stretch);
    return Math.max(mayBeRuler ? oneLine.leastTokens : exact.leastTokens, times * period);
  }

  function repeatsExactly(): boolean {
    const last = tokens.length - 1;
    let repeats = false;
    for (let period = 1; period <= Math.min(exact.longestPeriod, last); period++) {
      const matches =
        tokens[last]?.id === tokens[last - period]?.id ? (matched[period] ?? 0) + 1 : 0;
      matched[period] = matches;
      const stretch = matches + period;
      repeats ||= stretch >= leastTokens(stretch, period);
    }
    return repeats;
  }

  return {
    add(id, text) {
      const hasWord = /[\p{L}\p{N}]/u.test(text);
      alike = tokens.at(-1)?.id === id ? alike + 1 : 1;
      tokens.push({ id, hasWord });
      inLine = text.includes("\n") ? 0 : inLine + 1;
      wordless = hasWord ? 0 : wordless + 1;
      if (tokens.length > watchedTokens) tokens = tokens.slice(-nearly.tokens);
      count++;
      if (repeatsExactly()) return true;
      return count % nearly.every === 0 && repeatsNearly(tokens.slice(-nearly.tokens));
    },
    reset() {
      tokens = [];
      matched = new Int32Array(exact.longestPeriod + 1);
      count = 0;
      inLine = 0;
      wordless = 0;
      alike = 0;
    },
  };
}

function repeatsNearly(tokens: readonly WatchedToken[]): boolean {
  const groups = tokens
    .map((_, start) => tokens.slice(start, start + nearly.group))
    .filter((group) => group.length === nearly.group && group.some(({ hasWord }) => hasWord))
    .map((group) => group.map(({ id }) => id).join(" "));
  if (tokens.length < nearly.tokens || groups.length < nearly.leastGroups) return false;
  return new Set(groups).size <= nearly.mostNew * groups.length;
}

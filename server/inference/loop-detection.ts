/** A run is watched for repeating itself. */
export interface LoopWatch {
  /** Takes in the next token; true where the text now repeats itself. */
  add(id: number): boolean;
  /** Forgets all: only what repeats for as long again counts. */
  reset(): void;
}

/** A stretch that repeats exactly is one when it fills so many tokens, and so many times itself. */
const exact = { leastTokens: 48, longestPeriod: 128, short: { upTo: 32, times: 4 }, longTimes: 3 };
/** Or when of so many tokens at most this share of the groups of four is new. */
const nearly = { tokens: 256, group: 4, mostNew: 0.2, every: 16 };

/**
 * Finds a text that goes round in a circle: one stretch again and again, or with small changes.
 * Refrains, lists and rhymes that come back between other words are none.
 */
export function createLoopWatch(): LoopWatch {
  let tokens: number[] = [];
  /** For each period: how many tokens in a row were the same as those a period before. */
  let matched = new Int32Array(exact.longestPeriod + 1);
  let count = 0;

  function repeatsExactly(): boolean {
    const last = tokens.length - 1;
    let repeats = false;
    for (let period = 1; period <= Math.min(exact.longestPeriod, last); period++) {
      const matches = tokens[last] === tokens[last - period] ? (matched[period] ?? 0) + 1 : 0;
      matched[period] = matches;
      const times = period <= exact.short.upTo ? exact.short.times : exact.longTimes;
      repeats ||= matches + period >= Math.max(exact.leastTokens, times * period);
    }
    return repeats;
  }

  return {
    add(id) {
      tokens.push(id);
      if (tokens.length > 2 * nearly.tokens) tokens = tokens.slice(-nearly.tokens);
      count++;
      if (repeatsExactly()) return true;
      return count % nearly.every === 0 && repeatsNearly(tokens.slice(-nearly.tokens));
    },
    reset() {
      tokens = [];
      matched = new Int32Array(exact.longestPeriod + 1);
      count = 0;
    },
  };
}

function repeatsNearly(tokens: readonly number[]): boolean {
  if (tokens.length < nearly.tokens) return false;
  const groups = tokens.length - nearly.group + 1;
  const different = new Set<string>();
  for (let start = 0; start < groups; start++) {
    different.add(tokens.slice(start, start + nearly.group).join(" "));
  }
  return different.size <= nearly.mostNew * groups;
}

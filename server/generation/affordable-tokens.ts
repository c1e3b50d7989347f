import type { TokenUsage } from "../quotas/spending.ts";
import type { ModelToken } from "./model-text.ts";

/** Whether nothing more may be written today. */
export function isUsedUp({ used, limit }: TokenUsage): boolean {
  return limit !== null && used >= limit;
}

/** The first of the tokens that may be written today, ending with whole characters. */
export function affordableTokens(
  tokens: readonly ModelToken[],
  usage: TokenUsage | undefined,
): readonly ModelToken[] {
  if (usage === undefined || usage.limit === null) return tokens;
  const most = Math.max(1, usage.limit - usage.used);
  if (tokens.length <= most) return tokens;
  const whole = tokens.slice(0, most).findLastIndex(({ text }) => text !== "") + 1;
  // A character that takes more tokens than are left is written all the same.
  const characterEnd = tokens.findIndex(({ text }) => text !== "") + 1;
  return tokens.slice(0, whole || characterEnd || tokens.length);
}

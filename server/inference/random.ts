/**
 * The uniform number in [0, 1) that belongs to draw `index` under `seed`; it depends on nothing
 * else, so a run can be repeated, and gone on with, from any draw.
 */
export function uniform(seed: number, index: number): number {
  const high = mix(mix(seed >>> 0) ^ (index >>> 0));
  const low = mix(high ^ 0x9e3779b9);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** MurmurHash3's 32-bit finaliser, after a step that moves it off its fixed point 0. */
function mix(value: number): number {
  let hash = (value + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

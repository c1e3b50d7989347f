const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** "12 kB", "1.4 MB": thousands, one decimal below ten. */
export function inBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  const digits = step > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[step]}`;
}

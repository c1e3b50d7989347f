// Made once: toLocaleString makes one at each call, and numbers are drawn while the model writes.
const format = new Intl.NumberFormat("en");

/** A number for people: 1234 → "1,234". */
export function grouped(value: number): string {
  return format.format(value);
}

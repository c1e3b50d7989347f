const colours = 8;

/** The CSS colour of a person, the same on every screen: one of `--person-1` … `--person-8`. */
export function personColour(userId: string): string {
  return `var(--person-${(hash(userId) % colours) + 1})`;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

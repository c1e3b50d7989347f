const colours = 8;

/**
 * The CSS colour of a person, the same on every screen: one of `--person-1` … `--person-8`. Inside
 * an element with `coloursOf` it is that document's, where no two of the first eight share one.
 */
export function personColour(userId: string): string {
  return `var(${ownProperty(userId)}, var(--person-${firstChoice(userId)}))`;
}

/** Custom properties that give each of a document's people a colour of their own while they last. */
export function coloursOf(userIds: readonly string[]): Record<string, string> {
  const properties: Record<string, string> = {};
  const taken = new Set<number>();
  for (const userId of userIds) {
    let colour = firstChoice(userId);
    while (taken.size < colours && taken.has(colour)) colour = (colour % colours) + 1;
    taken.add(colour);
    properties[ownProperty(userId)] = `var(--person-${colour})`;
  }
  return properties;
}

function ownProperty(userId: string): string {
  return `--person-of-${userId.replace(/[^\w-]/g, "_")}`;
}

function firstChoice(userId: string): number {
  return (hash(userId) % colours) + 1;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/** Attributes of flat text: inline ones on characters, block ones on the `\n` that ends a paragraph. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One operation of a text delta, as `Y.Text.applyDelta` and a Y text event have it; UTF-16 lengths. */
export interface DeltaOperation {
  retain?: number;
  insert?: string;
  delete?: number;
  attributes?: Attributes;
}
export type Delta = readonly DeltaOperation[];

/** Stands for an embedded object, which has length 1 and no place in a manuscript. */
const objectReplacement = "\ufffc";

/** A delta as Yjs types it (inserts may be objects) as one of text alone, with equal lengths. */
export function textDelta(
  delta: readonly {
    retain?: number | undefined;
    insert?: unknown;
    delete?: number | undefined;
    attributes?: Attributes | undefined;
  }[],
): DeltaOperation[] {
  return delta.map(({ insert, retain, delete: deleted, attributes }) => ({
    ...(insert !== undefined && {
      insert: typeof insert === "string" ? insert : objectReplacement,
    }),
    ...(retain !== undefined && { retain }),
    ...(deleted !== undefined && { delete: deleted }),
    ...(attributes !== undefined && { attributes }),
  }));
}

/** Appends `operation`, merged into the last one where both do the same. */
export function pushOperation(delta: DeltaOperation[], operation: DeltaOperation): void {
  const last = delta.at(-1);
  if (last === undefined || !sameAttributes(last.attributes, operation.attributes)) {
    delta.push(operation);
  } else if (operation.retain !== undefined && last.retain !== undefined) {
    last.retain += operation.retain;
  } else if (operation.insert !== undefined && last.insert !== undefined) {
    last.insert += operation.insert;
  } else if (operation.delete !== undefined && last.delete !== undefined) {
    last.delete += operation.delete;
  } else {
    delta.push(operation);
  }
}

/** The attributes to set (null: to remove) to get from `before` to `after`; undefined where equal. */
export function attributeChange(before: Attributes, after: Attributes): Attributes | undefined {
  const change: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[key] ?? null;
    if ((before[key] ?? null) !== value) change[key] = value;
  }
  return Object.keys(change).length === 0 ? undefined : change;
}

/**
 * The part of `delta` that lies inside a text of `length`: Yjs would fill a retain past the end
 * with new lines, and the one after the last line is not ours to write.
 */
export function clipDelta(delta: Delta, length: number): DeltaOperation[] {
  const clipped: DeltaOperation[] = [];
  let left = length;
  for (const operation of delta) {
    if (operation.insert !== undefined) {
      clipped.push(operation);
      continue;
    }
    const kind = operation.retain === undefined ? "delete" : "retain";
    const size = Math.min(operation[kind] ?? 0, left);
    left -= size;
    if (size > 0) clipped.push({ ...operation, [kind]: size });
  }
  while (isBareRetain(clipped.at(-1))) clipped.pop();
  return clipped;
}

/** Whether the operation only moves on. */
export function isBareRetain(operation: DeltaOperation | undefined): boolean {
  return operation?.retain !== undefined && operation.attributes === undefined;
}

/** Strictly: taking one attribute away is not the same as taking another one away. */
function sameAttributes(left: Attributes | undefined, right: Attributes | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => key in right && left[key] === right[key])
  );
}

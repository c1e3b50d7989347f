import * as Y from "yjs";

/** One UTF-16 unit of a text as Yjs holds it. */
export interface Unit {
  client: number;
  clock: number;
  unit: string;
  /** The value of the `run` attribute in force. */
  run: unknown;
}

/** The live units of `text`, in order, with the identity of each. */
export function unitsOf(text: Y.Text): Unit[] {
  const units: Unit[] = [];
  let run: unknown = null;
  for (let item = text._start; item !== null; item = item.right) {
    if (item.deleted) continue;
    if (item.content instanceof Y.ContentFormat) {
      if (item.content.key === "run") run = item.content.value;
    } else if (item.content instanceof Y.ContentString) {
      const { client, clock } = item.id;
      for (let index = 0; index < item.length; index++) {
        const unit = item.content.str.charAt(index);
        units.push({ client, clock: clock + index, unit, run });
      }
    }
  }
  return units;
}

/** The name of one unit, equal on every client. */
export function nameOf({ client, clock }: { client: number; clock: number }): string {
  return `${client}:${clock}`;
}

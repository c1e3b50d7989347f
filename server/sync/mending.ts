import type * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";

/** A body ends with a line break; the server alone makes the first one and mends a missing last. */
export function mendEnd(doc: Y.Doc): void {
  const body = doc.getText(sharedTypes.body);
  if (body.toString().endsWith("\n")) return;
  // With attributes named, none: else it takes over those of the text before it.
  body.insert(body.length, "\n", {});
}

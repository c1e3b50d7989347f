import type { DocumentAction } from "#shared/permissions.ts";
import type { ClientFrame } from "./frames.ts";

/** What a frame can ask of whoever sends it, on the document of its connection. */
export type FrameAction = Extract<DocumentAction, "read" | "write">;

/** The line of the table that decides on each kind of frame; a kind without one does not compile. */
export const framePermissions: { readonly [kind in ClientFrame["kind"]]: FrameAction } = {
  step1: "read",
  step2: "write",
  update: "write",
  // Who only watches is shown to nobody: thousands may.
  awareness: "write",
  queryAwareness: "read",
};

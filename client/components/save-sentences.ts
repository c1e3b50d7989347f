import type { SaveState } from "../editor/document-connection.ts";

/** What the header says about the words on the page. */
export const saveSentences: { readonly [state in SaveState]: string } = {
  connecting: "Connecting…",
  saved: "Saved",
  saving: "Saving…",
  offline: "Offline. Your words are kept here",
  "read-only": "Read only",
  "signed-out": "Signed out. Your words are kept here",
  gone: "No longer shared with you",
  refused: "Not saved. Reload the page",
};

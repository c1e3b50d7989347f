/**
 * WebSocket close codes of `/sync`. y-websocket takes 4400–4499 as final and reconnects after all
 * others, so a code here decides whether a client tries again.
 */
export const closeCodes = {
  /** Bytes that are not a frame of the protocol. */
  malformed: 4400,
  /** Signed out, session ended, suspended, rejected, or a session of another account. */
  signedOut: 4401,
  /** A watcher wrote, again and again. */
  readOnly: 4403,
  /** No such document for this account. */
  noSuchDocument: 4404,
  /** The copy is not ours: foreign client id, missing dependency, older restore epoch. */
  notOurCopy: 4409,
  /** A frame or its contents are too large. */
  tooLarge: 4413,
  /** The server drains, or the document is loaded again. */
  reloading: 1012,
  /** Too slow, or the server is overloaded. */
  overloaded: 1013,
} as const;
export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** After these the client keeps what was not acknowledged as a draft and joins with a new Y.Doc. */
export const refusalCodes: readonly number[] = [
  closeCodes.malformed,
  closeCodes.notOurCopy,
  closeCodes.tooLarge,
];

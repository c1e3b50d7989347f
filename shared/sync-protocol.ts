/** First varint of a frame on `/sync`; 0, 1 and 3 are y-websocket's, 100 is ours. */
export const messageTypes = {
  sync: 0,
  awareness: 1,
  queryAwareness: 3,
  /** Server → client, only with `?ack=1`: varUint count of this connection's committed frames. */
  saved: 100,
} as const;

/** Second varint of a sync frame (y-protocols/sync). */
export const syncMessageTypes = { step1: 0, step2: 1, update: 2 } as const;

/** Bytes. A frame beyond these is refused with close code 4413. */
export const syncLimits = {
  updateBytes: 256 * 1024,
  step2Bytes: 4 * 1024 * 1024,
  awarenessBytes: 4 * 1024,
  /** Of step 1: some 16,000 client ids. */
  stateVectorBytes: 128 * 1024,
  /** What the WebSocket itself lets in: above ours, so that we close with 4413 and not 1009. */
  frameBytes: 5 * 1024 * 1024,
  /** A send buffer past this closes the connection with 1013. */
  sendBufferBytes: 1024 * 1024,
  /** What a room holds back while the database is away before it closes with 1013. */
  queuedBytes: 8 * 1024 * 1024,
  /** What a connection may send before its document is there; a person types no faster. */
  earlyFrames: 4096,
  /** Something is sent to an idle connection this often; clients reconnect after 30 s of silence. */
  keepAliveMs: 20_000,
} as const;

/** The query of `/sync/<documentId>`; all optional, so that a plain y-websocket client works too. */
export const syncQuery = { restoreEpoch: "epoch", account: "account", acknowledge: "ack" } as const;

/** The names of the shared types in a document's Y.Doc. */
export const sharedTypes = { body: "body", title: "title" } as const;

/** Attributes of the flat text: on characters, and on the `\n` that ends a paragraph. */
export const markAttributes = ["bold", "italic", "run"] as const;
export const blockAttributes = ["block", "level"] as const;
export const headingLevels = [1, 2, 3] as const;

/** What a client says about itself in awareness; the server stamps `user` before it is broadcast. */
export interface PresenceState {
  user?: { id: string; name: string; role: string };
  /** Encoded relative positions (Y.relativePositionToJSON). */
  cursor?: { anchor: unknown; head: unknown } | null;
  /** True while an input method composes: the model holds its tokens back. */
  composing?: boolean;
}

import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { updateFrame } from "../../server/sync/frames.ts";
import type { Random } from "./random.ts";

/** What real clients said, in order. */
export interface Recording {
  /** Sent over the wire and taken by the server. */
  sent: Uint8Array[];
  /** Written offline after that: sound frames that the server has not seen yet. */
  kept: Uint8Array[];
}

interface RecorderOptions {
  url: string;
  documentId: string;
  account: string;
  random: Random;
}

/**
 * Records what a real y-websocket client of `account` sends while somebody works with it as our
 * editor does: types, pastes, marks, makes headings, deletes, undoes, moves the caret, reloads with
 * an offline copy, and goes on without a connection.
 */
export async function recordClient(options: RecorderOptions): Promise<Recording> {
  const { random } = options;
  const sent: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  const first = await openClient(options, docOf(random), sent);
  for (let step = 0; step < 20; step++) edit(first.doc, random);
  first.provider.awareness.setLocalState({ cursor: { anchor: 1, head: 2 }, composing: false });
  first.provider.awareness.setLocalStateField("composing", true);
  const copy = Y.encodeStateAsUpdate(first.doc);
  first.provider.destroy();
  const reloaded = docOf(random);
  Y.applyUpdate(reloaded, copy);
  const second = await openClient(options, reloaded, sent);
  for (let step = 0; step < 10; step++) edit(reloaded, random);
  await second.answered();
  second.provider.destroy();
  reloaded.on("update", (update: Uint8Array) => kept.push(updateFrame(update)));
  for (let step = 0; step < 20; step++) edit(reloaded, random);
  return { sent: [...sent, Uint8Array.of(3)], kept };
}

/** An empty copy whose client id is the seed's. */
export function docOf(random: Random): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = random.below(2 ** 32);
  return doc;
}

async function openClient(
  { url, documentId, account }: RecorderOptions,
  doc: Y.Doc,
  sent: Uint8Array[],
) {
  class RecordingSocket extends WebSocket {
    override send(bytes: Uint8Array): void {
      sent.push(bytes.slice());
      super.send(bytes);
    }
  }
  const provider = new WebsocketProvider(url, documentId, doc, {
    // The ws package's class has all that the provider uses of the browser's.
    WebSocketPolyfill: RecordingSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    params: { as: account },
  });
  if (!provider.synced) await new Promise((resolve) => provider.once("sync", resolve));
  /** Everything that was sent before is taken: an answer to step 1 comes in its turn. */
  async function answered(): Promise<void> {
    provider.disconnect();
    provider.connect();
    await new Promise((resolve) => provider.once("sync", resolve));
  }
  return { doc, provider, answered };
}

/** One step of our editor, as text operations with explicit attributes. */
export function edit(doc: Y.Doc, random: Random): void {
  const body = doc.getText("body");
  const end = Math.max(0, body.length - 1);
  const at = wholeCharacter(body.toString(), random.below(end + 1));
  const dice = random.next();
  doc.transact(() => {
    if (dice < 0.4) body.insert(at, random.pick(["a", "word ", "🜲", "é", "two words "]), {});
    else if (dice < 0.5) body.insert(at, "bold ", { bold: true });
    else if (dice < 0.6) body.insert(at, "\n", { block: "heading", level: 1 + random.below(3) });
    else if (dice < 0.7) body.insert(at, "\n", {});
    else if (dice < 0.8) body.format(at, Math.min(1, end - at), { italic: true });
    else if (dice < 0.85) doc.getText("title").insert(0, "t", {});
    else if (dice < 0.95) undoOneOf(doc, at);
    else body.insert(at, "pasted ".repeat(50), {});
  });
}

/** Types and takes it back, which deletes nothing of anyone else's. */
function undoOneOf(doc: Y.Doc, at: number): void {
  const body = doc.getText("body");
  body.insert(at, "undone", {});
  body.delete(at, 6);
}

/** A place that is not between the halves of a character. */
export function wholeCharacter(text: string, position: number): number {
  return /[\uDC00-\uDFFF]/.test(text.charAt(position)) ? position - 1 : position;
}

import { createHash } from "node:crypto";
import { getHeapStatistics } from "node:v8";
import * as Y from "yjs";
import type { Database } from "../../server/database/database.ts";
import { type ClientBinding, ClientIds } from "../../server/sync/client-ids.ts";
import { decodeFrame, updateFrame } from "../../server/sync/frames.ts";
import { Frontier } from "../../server/sync/frontier.ts";
import { judgeUpdate } from "../../server/sync/guard.ts";
import type { OpenRoom } from "../../server/sync/types.ts";
import { mutate } from "./frame-mutations.ts";
import { docOf, edit, recordClient, wholeCharacter } from "./frame-recorder.ts";
import { Random } from "./random.ts";
import { SiegeLine } from "./siege-line.ts";
import { SiegeVictim } from "./siege-victim.ts";
import { addDocument, type SyncServer } from "./sync-server.ts";

/** Accounts that must exist: the victim, two who may write, one who only watches. */
export const besieged = { victim: "ann", attackers: ["ben", "ben", "cat", "wim"] } as const;

/** Whose client was recorded, and who writes what is sound and new. */
const insider = "ben";

/** What the server lets through where frames come as fast as they can be made. */
export const noPace = {
  frames: { most: 1e12, perSecond: 1e12 },
  bytes: { most: 1e15, perSecond: 1e15 },
  patienceMs: 1e9,
} as const;

const documentOf = (seed: number | string) => `siege-${seed}`;

/** The id that the server writes with, by the document's seed. */
export function drawSiegeClientId(documentId: string): number {
  const seed = Number(documentId.slice(documentOf("").length));
  // Not the source of all else, whose first number is the victim's id.
  return new Random(~seed).below(2 ** 32);
}

interface SiegeOptions {
  database: Database;
  server: SyncServer;
  seed: number;
  frames: number;
  /** Connections that attack at once. */
  lines: number;
  /** Told of each frame what reading and judging it took. */
  onJudged?: (cost: { ms: number; bytes: number }) => void;
}

export interface SiegeReport {
  /** What the promise was broken for. */
  problems: string[];
  /** Rows of the attackers in the log: frames that were sound and new. */
  accepted: number;
  refused: number;
  /** Characters that the victim wrote. */
  written: number;
  /** Of the whole log: the same whenever the seed is run again. */
  fingerprint: string;
}

/** One document, its victim, and mutated frames of a real client that come in over many lines. */
export async function besiege(options: SiegeOptions): Promise<SiegeReport> {
  const { database, server, seed } = options;
  const documentId = await addDocument(database, documentOf(seed), {
    ann: "owner",
    ben: "editor",
    cat: "editor",
    wim: "watcher",
  });
  const room = await server.sync.rooms.open(documentId);
  const siege = new Siege(options, room);
  try {
    await siege.run();
    return await siege.report();
  } finally {
    siege.close();
    room.release();
  }
}

class Siege {
  readonly #options: SiegeOptions;
  readonly #room: OpenRoom;
  readonly #random: Random;
  readonly #victim: SiegeVictim;
  readonly #problems: string[] = [];
  #lines: SiegeLine[] = [];
  #refused = 0;
  #remarks = 0;
  #insider = new Y.Doc();
  #writes = 0;

  constructor(options: SiegeOptions, room: OpenRoom) {
    this.#options = options;
    this.#room = room;
    this.#random = new Random(options.seed);
    const { documentId } = room;
    const doc = docOf(this.#random);
    this.#victim = new SiegeVictim(options.server, documentId, besieged.victim, doc);
    room.onDiscarded((error) =>
      this.#problems.push(`the document was discarded: ${error.message}`),
    );
  }

  async run(): Promise<void> {
    const { frames, lines } = this.#options;
    const random = this.#random;
    await this.#victim.joined();
    await this.#settle();
    this.#remark();
    const recorded = await this.#record();
    for (let sent = 0; sent < frames; sent += lines) {
      await this.#fillLines(lines);
      const fresh = await this.#write();
      for (const line of this.#lines) {
        const near = { ...recorded, frames: [fresh] };
        this.#attack(line, mutate({ random, ...(random.chance(0.5) ? near : recorded) }));
      }
      (await this.#insiderLine()).deliver(fresh);
      if (sent % 500 < lines) this.#remark();
      await this.#room.settled();
      // It is behind by more or less, as people are.
      this.#victim.takeIn(random.below(this.#victim.waiting + 1));
    }
  }

  /** Something sound and new: what is bent of it lacks nothing but what was bent. */
  async #write(): Promise<Uint8Array> {
    if (this.#writes++ % 4 === 0) {
      this.#insider = docOf(this.#random);
      Y.applyUpdate(this.#insider, Y.encodeStateAsUpdate(this.#room.doc));
      // The id is an attacker's own from here on.
      (await this.#insiderLine()).deliver(this.#edit());
      await this.#room.settled();
    }
    return this.#edit();
  }

  #edit(): Uint8Array {
    const before = Y.encodeStateVector(this.#insider);
    edit(this.#insider, this.#random);
    return updateFrame(Y.encodeStateAsUpdate(this.#insider, before));
  }

  /** A line that is open and may write. */
  async #insiderLine(): Promise<SiegeLine> {
    const open = this.#lines.find(({ account, isClosed }) => account === insider && !isClosed);
    if (open !== undefined) return open;
    const line = new SiegeLine(this.#options.server, this.#room.documentId, insider);
    this.#lines.push(line);
    await line.joined();
    return line;
  }

  async report(): Promise<SiegeReport> {
    this.#remark();
    const isThere = () =>
      this.#victim.isSaved && this.#text(this.#victim.doc) === this.#text(this.#room.doc);
    await this.#settle();
    if (!isThere()) {
      const state = this.#victim.isSaved
        ? "is saved, and sees another text"
        : "waits for its saves";
      this.#problems.push(`the victim ${state}: ${this.#text(this.#victim.doc)}`);
      this.#problems.push(`the server has ${this.#text(this.#room.doc)}`);
    }
    const { closeCode } = this.#victim;
    if (closeCode !== undefined) this.#problems.push(`the victim was closed with ${closeCode}`);
    await this.#compareWithLog();
    const rows = await this.#rows();
    this.#findLost(rows.map(({ payload }) => payload));
    return {
      problems: this.#problems.map((problem) => `seed ${this.#options.seed}: ${problem}`),
      accepted: rows.filter(({ actor_id }) => actor_id !== besieged.victim && actor_id !== null)
        .length,
      refused: this.#refused,
      written: Y.getState(this.#victim.doc.store, this.#victim.doc.clientID),
      fingerprint: fingerprint(rows.map(({ payload }) => payload)),
    };
  }

  close(): void {
    this.#victim.drop();
    for (const line of this.#lines) line.terminate();
  }

  /** The victim has taken in all there is, and the server all that it says to that. */
  async #settle(): Promise<void> {
    do {
      await this.#room.settled();
      this.#victim.takeIn(this.#victim.waiting);
      await this.#room.settled();
    } while (this.#victim.waiting > 0);
  }

  /** Frames of a client that works in this very document, and of the victim. */
  async #record() {
    const { documentId, doc } = this.#room;
    const own: Uint8Array[] = [];
    this.#victim.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this.#victim) own.push(updateFrame(update));
    });
    this.#remark();
    const { url } = this.#options.server;
    const { sent, kept } = await recordClient({
      url,
      documentId,
      account: insider,
      random: this.#random,
    });
    const theirs = [...sent, ...kept].flatMap(clientsOf);
    const clientIds = [...new Set([...theirs, this.#victim.doc.clientID, doc.clientID, 1, 7])];
    return { frames: [...sent, ...kept, ...own], clientIds };
  }

  async #fillLines(count: number): Promise<void> {
    const open = this.#lines.filter((line) => !line.isClosed);
    this.#refused += this.#lines.length - open.length;
    const { server } = this.#options;
    const { attackers } = besieged;
    while (open.length < count) {
      open.push(new SiegeLine(server, this.#room.documentId, this.#random.pick(attackers)));
    }
    await Promise.all(open.map((line) => line.joined()));
    this.#lines = open;
  }

  #attack(line: SiegeLine, frame: Uint8Array): void {
    try {
      this.#measure(line.account, frame);
      line.deliver(frame);
    } catch (error) {
      this.#problems.push(`${String(error)} for ${Buffer.from(frame).toString("base64")}`);
    }
  }

  /** Judges it as the room will, on the same document, with a watch and an eye on the memory. */
  #measure(accountId: string, frame: Uint8Array): void {
    const { onJudged } = this.#options;
    if (onJudged === undefined) return;
    const { doc } = this.#room;
    const bindings: ClientBinding[] = [
      { clientId: this.#victim.doc.clientID, accountId: besieged.victim },
      { clientId: doc.clientID, accountId: null },
    ];
    const frontier = new Frontier(doc, new ClientIds(bindings));
    const before = memoryBytes();
    const since = performance.now();
    const decoded = decodeFrame(frame);
    if (decoded?.kind === "update" || decoded?.kind === "step2") {
      judgeUpdate(decoded.update, { accountId, frontier, isRun: () => false });
    }
    const ms = performance.now() - since;
    onJudged({ ms, bytes: memoryBytes() - before });
  }

  /** The victim goes on writing. */
  #remark(): void {
    const { body } = this.#victim;
    const at = wholeCharacter(body.toString(), Math.max(0, body.length - 1));
    body.insert(at, `The victim says ${++this.#remarks}: 🜲. `, {});
  }

  async #rows() {
    return this.#options.database.kysely
      .selectFrom("document_updates")
      .select(["seq", "actor_id", "payload"])
      .where("document_id", "=", this.#room.documentId)
      .orderBy("seq")
      .execute();
  }

  /** The log, replayed by plain Yjs, gives the same text, and nothing hangs in the air anywhere. */
  async #compareWithLog(): Promise<void> {
    await this.#room.settled();
    const replayed = new Y.Doc();
    for (const { payload } of await this.#rows()) Y.applyUpdate(replayed, payload);
    if (this.#text(replayed) !== this.#text(this.#room.doc))
      this.#problems.push("the log says otherwise");
    for (const doc of [replayed, this.#room.doc, this.#victim.doc]) {
      const { pendingStructs, pendingDs } = doc.store;
      if (pendingStructs !== null || pendingDs !== null)
        this.#problems.push("something is pending");
    }
  }

  /** Each of the victim's characters is in the text as it was written, unless the log deletes it. */
  #findLost(payloads: readonly Uint8Array[]): void {
    const { clientID } = this.#victim.doc;
    const written = new Map<number, string>();
    const deleted = new Set<number>();
    for (const payload of payloads) {
      const { structs, ds } = Y.decodeUpdate(payload);
      for (const struct of structs)
        if (struct.id.client === clientID) putCharacters(struct, written);
      for (const { clock, len } of ds.clients.get(clientID) ?? [])
        for (let at = clock; at < clock + len; at++) deleted.add(at);
    }
    const present = new Map<number, string>();
    for (const struct of this.#room.doc.store.clients.get(clientID) ?? [])
      if (!struct.deleted) putCharacters(struct, present);
    const lost = [...written].filter(([at, unit]) => !deleted.has(at) && present.get(at) !== unit);
    if (written.size === 0) this.#problems.push("the victim wrote nothing");
    if (lost.length > 0) this.#problems.push(`${lost.length} of the victim's characters are lost`);
  }

  #text(doc: Y.Doc): string {
    return JSON.stringify([doc.getText("body").toDelta(), doc.getText("title").toDelta()]);
  }
}

function putCharacters(struct: unknown, into: Map<number, string>): void {
  if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString)) return;
  const { id, content } = struct;
  for (let index = 0; index < content.str.length; index++)
    into.set(id.clock + index, content.str.charAt(index));
}

function clientsOf(frame: Uint8Array): number[] {
  const decoded = decodeFrame(frame);
  if (decoded?.kind !== "update" && decoded?.kind !== "step2") return [];
  return Y.decodeUpdate(decoded.update).structs.map(({ id }) => id.client);
}

function memoryBytes(): number {
  const { used_heap_size, external_memory, malloced_memory } = getHeapStatistics();
  return used_heap_size + external_memory + malloced_memory;
}

function fingerprint(payloads: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const payload of payloads) hash.update(payload);
  return hash.digest("hex");
}

import { setImmediate as yieldToEvents } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as Y from "yjs";
import { refusalCodes } from "#shared/close-codes.ts";
import type { OpenRoom } from "../../server/sync/types.ts";
import { FrugalTab } from "../support/frugal-tab.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { Random } from "../support/random.ts";
import {
  addAccount,
  addDocument,
  changeRole,
  type SyncServer,
  startSyncServer,
} from "../support/sync-server.ts";

const seeds = Number(process.env.FUZZ_SEEDS ?? 60);
const firstSeed = Number(process.env.FUZZ_FIRST_SEED ?? 1);
const steps = 60;
const writers = ["ann", "ben", "cat"];
/** Loses its rights and gets them back; the others never do, and so are never refused. */
const suspect = "cat";

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await openTestDatabase();
  for (const account of [...writers, "wim"]) await addAccount(testDatabase.database, account);
});
afterAll(() => testDatabase.remove());

test(`S1 S2: ${seeds} seeds: nothing that another saw or that was acknowledged is lost, and all converge`, {
  timeout: Math.max(60_000, seeds * 2_000),
}, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const problems = await runSeed(seed);
    expect(problems, `run again: FUZZ_FIRST_SEED=${seed} FUZZ_SEEDS=1`).toEqual([]);
  }
});

async function runSeed(seed: number): Promise<string[]> {
  const world = await World.create(seed);
  try {
    for (let step = 0; step < steps; step++) {
      await world.act();
      for (let yields = world.random.below(6); yields > 0; yields--) await yieldToEvents();
    }
    return [...(await world.converge()), ...(await world.findProblems())];
  } finally {
    await world.close();
  }
}

/** One document, its tabs, and a server that may die at any moment. */
class World {
  readonly random: Random;
  readonly documentId: string;
  readonly tabs: FrugalTab[];
  /** What of the server's own writes was reported as committed: clocks by client. */
  readonly reported: { client: number; clock: number }[] = [];
  #server: SyncServer;
  #restarting: Promise<void> = Promise.resolve();
  #killsAtCommit: number;
  #retired: FrugalTab[] = [];

  static async create(seed: number): Promise<World> {
    const documentId = await addDocument(testDatabase.database, `seed-${seed}`, {
      ann: "owner",
      ben: "editor",
      cat: "editor",
      wim: "watcher",
    });
    const random = new Random(seed);
    const world: World = new World(random, documentId, await startServer(() => world));
    for (const tab of world.tabs) world.#connect(tab);
    return world;
  }

  private constructor(random: Random, documentId: string, server: SyncServer) {
    this.random = random;
    this.documentId = documentId;
    this.#server = server;
    this.#killsAtCommit = random.below(3);
    this.tabs = [...writers, "wim", random.pick(writers)].map((account) => new FrugalTab(account));
  }

  async act(): Promise<void> {
    const { random } = this;
    const tab = random.pick(this.tabs);
    const dice = random.next();
    if (dice < 0.5) this.#edit(tab);
    else if (dice < 0.62) this.#write();
    else if (dice < 0.7) tab.drop();
    else if (dice < 0.86) this.#connect(tab);
    else if (dice < 0.9) tab.reload(true);
    else if (dice < 0.92) this.#replaceTab(tab);
    else if (dice < 0.98) await this.#changeRights();
    else await this.kill();
  }

  /** Just before a commit, and between it and what follows: sometimes the server dies right there. */
  async aroundCommit(server: SyncServer): Promise<void> {
    const dies = this.#killsAtCommit > 0 && this.random.chance(0.04);
    if (server === this.#server && !dies) return;
    this.#killsAtCommit -= 1;
    if (server === this.#server) void this.kill();
    await new Promise(() => undefined);
  }

  /** The process is gone, another starts from the same database, and some pages go with it. */
  kill(): Promise<void> {
    const dead = this.#server;
    this.#restarting = this.#restarting.then(async () => {
      if (dead !== this.#server) return;
      this.#server = await startServer(() => this);
      await dead.crash();
      for (const tab of this.tabs) if (this.random.chance(0.5)) tab.reload(false);
    });
    return this.#restarting;
  }

  /** Everyone may write and is there; says what is not saved or not the same in the end. */
  async converge(): Promise<string[]> {
    await this.#restarting;
    this.#killsAtCommit = 0;
    await this.#setRole("editor");
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline) {
      for (const tab of this.tabs) this.#connect(tab);
      const differences = this.#differences();
      if (differences.length === 0) return [];
      await yieldToEvents();
    }
    return this.#differences();
  }

  #differences(): string[] {
    // A watcher's own formatting clean-ups (deletions) stay with it and are never acknowledged.
    const editing = this.tabs.filter(({ account }) => account !== "wim");
    return [
      ...this.tabs.filter((tab) => !tab.isSynced).map(({ account }) => `${account} is not synced`),
      ...editing.filter((tab) => !tab.isSaved).map(({ account }) => `${account} is not saved`),
      ...differing(
        "texts",
        this.tabs.map(({ body }) => JSON.stringify(body.toDelta())),
      ),
      ...differing(
        "ids",
        editing.map(({ doc }) => idsOf(doc)),
      ),
    ];
  }

  /** What the promise was broken for, with the document as it is loaded from the database. */
  async findProblems(): Promise<string[]> {
    const all = [...this.tabs, ...this.#retired];
    const reloaded = await this.#reload();
    const refusals = all
      .filter(({ account }) => account !== suspect)
      .flatMap(({ closeCodes }) => closeCodes.filter((code) => refusalCodes.includes(code)));
    const lost = all.flatMap(({ account, seen, acknowledged }) => [
      ...seen.filter((update) => !contains(reloaded, update)).map(() => `${account} saw it: lost`),
      ...acknowledged
        .filter((update) => !contains(reloaded, update))
        .map(() => `${account}'s: lost`),
    ]);
    const lostWrites = this.reported.filter(
      ({ client, clock }) => Y.getState(reloaded.store, client) < clock,
    );
    return [
      ...refusals.map((code) => `refused with ${code}`),
      ...lost,
      ...lostWrites.map(() => "the server's: lost"),
      ...differing("stored", [idsOf(reloaded), idsOf(this.tabs[0]?.doc ?? new Y.Doc())]),
      ...(reloaded.getText("body").toString().endsWith("\n") ? [] : ["no line break at the end"]),
    ];
  }

  async close(): Promise<void> {
    await this.#restarting;
    for (const tab of this.tabs) tab.drop();
    await this.#server.close();
  }

  async #reload(): Promise<Y.Doc> {
    const { head_seq } = await testDatabase.database.kysely
      .selectFrom("documents")
      .select("head_seq")
      .where("id", "=", this.documentId)
      .executeTakeFirstOrThrow();
    return this.#server.sync.readDocumentAt(this.documentId, head_seq);
  }

  #connect(tab: FrugalTab): void {
    const lastCode = tab.closeCodes.at(-1) ?? 0;
    // As our client does: after a refusal it drops its copy and joins anew.
    if (!tab.isConnected && lastCode >= 4400 && lastCode < 4500) {
      tab.closeCodes.push(0);
      tab.reload(false);
    }
    tab.connect(this.#server.url, this.documentId);
  }

  #edit(tab: FrugalTab): void {
    const { random } = this;
    const { body } = tab;
    if (tab.account === "wim" || body.length === 0) return;
    const text = body.toString();
    const at = wholeCharacter(text, random.below(text.length));
    const end = wholeCharacter(text, Math.min(at + 1 + random.below(4), text.length - 1));
    const length = end - at;
    const dice = random.next();
    if (dice < 0.65 || length <= 0) body.insert(at, random.pick(["a", "word ", "🜲", "line\n"]));
    else if (dice < 0.85) body.delete(at, length);
    else body.format(at, length, { bold: random.chance(0.5) ? true : null });
  }

  /** The server writes, as a run does. */
  #write(): void {
    const text = this.random.pick([" token", ".", " and"]);
    const origin = { kind: "run", runId: "run", actorId: "ann" } as const;
    const write = async (room: OpenRoom) => {
      const reported = await room.write(origin, (doc) => {
        const body = doc.getText("body");
        body.insert(Math.max(0, body.length - 1), text, {});
        return { client: doc.clientID, clock: Y.getState(doc.store, doc.clientID) };
      });
      this.reported.push(reported);
      room.release();
    };
    const { rooms } = this.#server.sync;
    // It fails when the room is discarded, and never ends when the server dies.
    void rooms
      .open(this.documentId)
      .then(write, () => undefined)
      .catch(() => undefined);
  }

  /** A tab is closed for good, with whatever it had not sent, and another one opened. */
  #replaceTab(tab: FrugalTab): void {
    tab.drop();
    this.#retired.push(tab);
    const fresh = new FrugalTab(tab.account);
    this.tabs[this.tabs.indexOf(tab)] = fresh;
    this.#connect(fresh);
  }

  #changeRights(): Promise<void> {
    return this.#setRole(this.random.pick(["watcher", "editor", "editor", null]));
  }

  async #setRole(role: "watcher" | "editor" | null): Promise<void> {
    await changeRole(testDatabase.database, this.documentId, suspect, role);
    await this.#server.sync.rooms.accessChanged(suspect, this.documentId);
  }
}

async function startServer(world: () => World): Promise<SyncServer> {
  const server: SyncServer = await startSyncServer(testDatabase.database, {
    beforeCommit: () => world().aroundCommit(server),
    afterCommit: () => world().aroundCommit(server),
  });
  return server;
}

/** The position, or the one before it where it lies within a surrogate pair. */
function wholeCharacter(text: string, position: number): number {
  return /[\uDC00-\uDFFF]/.test(text.charAt(position)) ? position - 1 : position;
}

/** Every id that was ever written or deleted. */
function idsOf(doc: Y.Doc): string {
  return Buffer.from(Y.encodeSnapshot(Y.snapshot(doc))).toString("base64");
}

function differing(what: string, states: readonly string[]): string[] {
  return new Set(states).size === 1 ? [] : [`${what} differ: ${states.join(" | ")}`];
}

function contains(doc: Y.Doc, update: Uint8Array): boolean {
  return Y.snapshotContainsUpdate(Y.snapshot(doc), update);
}

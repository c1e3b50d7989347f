import { setImmediate as yieldToEvents } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
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

test(
  `${seeds} seeds: nothing that another saw or that was acknowledged is lost, and all converge`,
  async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      try {
        await runSeed(seed);
      } catch (error) {
        throw new Error(`seed ${seed} (FUZZ_FIRST_SEED=${seed} FUZZ_SEEDS=1)`, { cause: error });
      }
    }
  },
  Math.max(60_000, seeds * 2_000),
);

async function runSeed(seed: number): Promise<void> {
  const world = await World.create(seed);
  try {
    for (let step = 0; step < steps; step++) {
      await world.act();
      for (let yields = world.random.below(6); yields > 0; yields--) await yieldToEvents();
    }
    await world.converge();
    await world.check();
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
  #killsAfterCommit: number;
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
    this.#killsAfterCommit = random.below(3);
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

  /** Between a commit and what follows from it: sometimes the server dies right there. */
  async afterCommit(server: SyncServer): Promise<void> {
    const dies = this.#killsAfterCommit > 0 && this.random.chance(0.03);
    if (server === this.#server && !dies) return;
    this.#killsAfterCommit -= 1;
    if (server === this.#server) void this.kill();
    await new Promise(() => undefined);
  }

  /** The process is gone, and another one starts from the same database. */
  kill(): Promise<void> {
    const dead = this.#server;
    this.#restarting = this.#restarting.then(async () => {
      if (dead !== this.#server) return;
      this.#server = await startServer(() => this);
      await dead.crash();
    });
    return this.#restarting;
  }

  /** Everyone may write, is there, and waits until all is saved and the same everywhere. */
  async converge(): Promise<void> {
    await this.#restarting;
    this.#killsAfterCommit = 0;
    await this.#setRole("editor");
    await vi.waitFor(
      () => {
        for (const tab of this.tabs) this.#connect(tab);
        for (const tab of this.tabs) {
          expect(tab.account === "wim" ? tab.isSynced : tab.isSettled, tab.account).toBe(true);
        }
        expectSame(this.tabs.map(({ body }) => JSON.stringify(body.toDelta())));
        // A watcher's own formatting clean-ups (deletions) stay with it.
        expectSame(
          this.tabs.filter(({ account }) => account !== "wim").map(({ doc }) => idsOf(doc)),
        );
      },
      { timeout: 10_000, interval: 5 },
    );
  }

  async check(): Promise<void> {
    const all = [...this.tabs, ...this.#retired];
    for (const tab of all.filter(({ account }) => account !== suspect)) {
      expect(tab.closeCodes.filter((code) => refusalCodes.includes(code))).toEqual([]);
    }
    const reloaded = await this.#reload();
    expectSame([reloaded, this.tabs[0]?.doc ?? new Y.Doc()].map(idsOf));
    expect(reloaded.getText("body").toString().endsWith("\n")).toBe(true);
    for (const tab of all) {
      for (const update of tab.seen) expectContains(reloaded, update, `seen by ${tab.account}`);
      for (const update of tab.acknowledged) {
        expectContains(reloaded, update, `acknowledged to ${tab.account}`);
      }
    }
    for (const { client, clock } of this.reported) {
      expect(Y.getState(reloaded.store, client)).toBeGreaterThanOrEqual(clock);
    }
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
    afterCommit: () => world().afterCommit(server),
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

function expectSame(states: readonly string[]): void {
  expect(states).toEqual(states.map(() => states[0]));
}

function expectContains(doc: Y.Doc, update: Uint8Array, what: string): void {
  expect(Y.snapshotContainsUpdate(Y.snapshot(doc), update), what).toBe(true);
}

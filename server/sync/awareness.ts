import { type PresenceState, syncLimits } from "#shared/sync-protocol.ts";
import type { ClientIds } from "./client-ids.ts";
import type { AwarenessEntry } from "./frames.ts";
import type { Access } from "./types.ts";

/** A connection, as awareness sees it. */
export interface Publisher {
  /** Undefined for those who publish nothing: watchers, and who has left. */
  readonly writeAccess: Access | undefined;
}

interface Present {
  clock: number;
  state: PresenceState;
  /** The state as it is sent. */
  json: string;
  publisher: Publisher;
  /** Connections that said the same without news: one of them may be the same tab, reconnected. */
  standby: Set<Publisher>;
  renewedAt: number;
}

/** What follows from an entry: frames for everyone, or for everyone but the publisher. */
export interface Announcement {
  entries: AwarenessEntry[];
  toPublisherToo: boolean;
}

/** y-protocols gives a client up after so long without a renewal; clients renew every 15 s. */
export const presenceTimeoutMs = 30_000;
const maxClock = 2 ** 31;

/**
 * Who is in a document and where. A connection publishes one client id, which belongs to its
 * account; the server says who that is. Clients echo the states of others back: that is dropped.
 */
export class Awareness {
  readonly #clientIds: ClientIds;
  readonly #present = new Map<number, Present>();
  /** The last clock of those who left: what comes back must be newer for its peers to take it. */
  readonly #lastClocks = new Map<number, number>();

  constructor(clientIds: ClientIds) {
    this.#clientIds = clientIds;
  }

  /** Whether it is a state that no client of ours sends: too large, and nobody's echo. */
  isTooLarge(entry: AwarenessEntry): boolean {
    return entry.state.length > syncLimits.awarenessBytes && !this.#present.has(entry.clientId);
  }

  /** Whether an account may show itself under the id. */
  mayShow(clientId: number, accountId: string): boolean {
    return this.#clientIds.mayUse(clientId, accountId);
  }

  /** Undefined where the entry changes nothing or is not the publisher's to make. */
  publish(publisher: Publisher, entry: AwarenessEntry): Announcement | undefined {
    const access = publisher.writeAccess;
    const { clientId, clock } = entry;
    if (access === undefined || clock > maxClock) return undefined;
    if (entry.state.length > syncLimits.awarenessBytes) return undefined;
    if (!this.#clientIds.mayUse(clientId, access.accountId)) return undefined;
    const state = parseState(entry.state);
    if (state === undefined) return undefined;
    const present = this.#present.get(clientId);
    if (state === null) return present && this.#takeBack(publisher, clientId, present, clock);
    if (present !== undefined && clock <= present.clock) {
      if (clock === present.clock) present.standby.add(publisher);
      return undefined;
    }
    this.#clientIds.reserve(clientId, access.accountId);
    return this.#announce(publisher, access, clientId, clock, state);
  }

  /** Shows the publisher's states as its account is called now; undefined where they are already. */
  restamp(publisher: Publisher): Announcement | undefined {
    const access = publisher.writeAccess;
    const entries: AwarenessEntry[] = [];
    for (const [clientId, present] of this.#present) {
      if (access === undefined || present.publisher !== publisher) continue;
      const state = stamp(present.state, access);
      const json = JSON.stringify(state);
      if (json === present.json) continue;
      present.clock += 1;
      Object.assign(present, { state, json });
      entries.push({ clientId, clock: present.clock, state: json });
    }
    // The publisher too: its own clock has to go on from there.
    return entries.length === 0 ? undefined : { entries, toPublisherToo: true };
  }

  /** The publisher has left or may not show itself any more. */
  remove(publisher: Publisher): AwarenessEntry[] {
    const gone: AwarenessEntry[] = [];
    for (const [clientId, present] of this.#present) {
      present.standby.delete(publisher);
      if (present.publisher !== publisher) continue;
      const heir = [...present.standby].find((other) => !this.#publishes(other));
      if (heir === undefined) gone.push(this.#leave(clientId, present));
      else present.publisher = heir;
    }
    return gone;
  }

  /** Those who did not renew their state in time. */
  expire(now: number): AwarenessEntry[] {
    return [...this.#present]
      .filter(([, { renewedAt }]) => now - renewedAt > presenceTimeoutMs)
      .map(([clientId, present]) => this.#leave(clientId, present));
  }

  entries(): AwarenessEntry[] {
    return [...this.#present].map(([clientId, { clock, json }]) => ({
      clientId,
      clock,
      state: json,
    }));
  }

  states(): PresenceState[] {
    return [...this.#present.values()].map(({ state }) => state);
  }

  #announce(
    publisher: Publisher,
    access: Access,
    clientId: number,
    clock: number,
    state: PresenceState,
  ): Announcement {
    const gone = this.#forgetOtherIds(publisher, clientId);
    const lastClock = this.#lastClocks.get(clientId) ?? -1;
    const newer = Math.max(clock, lastClock + 1);
    const stamped = stamp(state, access);
    const json = JSON.stringify(stamped);
    this.#present.set(clientId, {
      clock: newer,
      state: stamped,
      json,
      publisher,
      standby: new Set(),
      renewedAt: Date.now(),
    });
    const entry = { clientId, clock: newer, state: json };
    return { entries: [...gone, entry], toPublisherToo: newer !== clock };
  }

  #takeBack(
    publisher: Publisher,
    clientId: number,
    present: Present,
    clock: number,
  ): Announcement | undefined {
    if (present.publisher !== publisher || clock < present.clock) return undefined;
    present.clock = clock;
    return { entries: [this.#leave(clientId, present)], toPublisherToo: false };
  }

  /** A connection has one id: a new one takes the place of the old. */
  #forgetOtherIds(publisher: Publisher, clientId: number): AwarenessEntry[] {
    return [...this.#present]
      .filter(([id, present]) => id !== clientId && present.publisher === publisher)
      .map(([id, present]) => this.#leave(id, present));
  }

  #leave(clientId: number, { clock }: Present): AwarenessEntry {
    this.#present.delete(clientId);
    this.#lastClocks.set(clientId, clock);
    return { clientId, clock, state: "null" };
  }

  #publishes(publisher: Publisher): boolean {
    return [...this.#present.values()].some((present) => present.publisher === publisher);
  }
}

/** Whatever a client says of itself, the server says who it is. */
function stamp(state: PresenceState, access: Access): PresenceState {
  return { ...state, user: { id: access.accountId, name: access.name, role: access.role } };
}

/** null: the client goes; undefined: not a state. */
function parseState(json: string): PresenceState | null | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (value === null) return null;
    if (typeof value !== "object" || Array.isArray(value)) return undefined;
    return withoutForgeries(value);
  } catch {
    return undefined;
  }
}

/** What is of no known type goes, as do keys that mean something to every object. */
function withoutForgeries(value: object): PresenceState {
  const fields = Object.entries(value).filter(([name, field]) => {
    switch (name) {
      case "__proto__":
      case "constructor":
      case "prototype":
        return false;
      case "composing":
        return typeof field === "boolean";
      case "cursor":
        return typeof field === "object";
      default:
        return true;
    }
  });
  return Object.fromEntries(fields);
}

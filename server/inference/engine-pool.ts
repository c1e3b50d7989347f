import { InvalidError, UnavailableError } from "../errors.ts";
import type { Engine, EngineModel, EngineSequence, Generation } from "./engine.ts";
import { failedGeneration } from "./failed-generation.ts";

/** A sequence of a pool's engine, which is worth nothing once that engine was lost. */
export interface PoolSequence {
  readonly sequence: EngineSequence;
  isAlive(): boolean;
}

/** One of the engines that a pool chooses from; it may go away and come back. */
export interface PoolMember {
  readonly name: string;
  readonly kind: "local" | "remote";
  /** How many generations it lets go on side by side. */
  readonly places: number;
  /** Whether a generation can begin there now. */
  readonly available: boolean;
  /** Whether it is available, or may be within seconds: `ready` waits for it. */
  readonly near: boolean;
  /** Why it is not available, for an admin. */
  readonly problem: string | undefined;
  /** How often it was lost, or left out, since it was opened. */
  readonly failures: number;
  /** Resolves when it is available; rejects with an UnavailableError when that is not near. */
  ready(): Promise<void>;
  /** Throws an UnavailableError when it is not available. */
  open(): PoolSequence;
  close(): Promise<void>;
}

/** How one of a pool's engines does. */
export interface MemberStatus {
  name: string;
  kind: "local" | "remote";
  available: boolean;
  problem: string | undefined;
  failures: number;
  places: number;
  /** Sequences that are open there. */
  sequences: number;
}

/** Several engines for one model, which its users see as one. */
export interface EnginePool extends Engine {
  /** Whether one of its engines is available. */
  readonly available: boolean;
  /** Whether one of them is available, or may be within seconds. */
  readonly near: boolean;
  /** Sequences that are open, wherever they are. */
  readonly openSequences: number;
  /** Resolves when one of its engines is available; throws an UnavailableError when none is near. */
  ready(): Promise<void>;
  members(): MemberStatus[];
}

/** A member and how many sequences are open there. */
interface Desk {
  member: PoolMember;
  sequences: number;
}

/**
 * Gives each sequence to the engine with the most room, the first among equals. One that was lost
 * fails what it generates; its sequences go on elsewhere with their next request. The pool itself is
 * never lost. `close` closes the members.
 */
export function createEnginePool(model: EngineModel, members: readonly PoolMember[]): EnginePool {
  const desks: Desk[] = members.map((member) => ({ member, sequences: 0 }));
  let closing: Promise<void> | undefined;
  let openSequences = 0;

  function choose(): Desk {
    if (closing) throw new UnavailableError("The engine is closed.");
    const [best] = desks
      .filter(({ member }) => member.available)
      .sort((a, b) => loadOf(a) - loadOf(b));
    if (best !== undefined) return best;
    throw new UnavailableError(`No engine for the model "${model.id}" can be reached now.`);
  }

  return {
    model,
    get available() {
      return closing === undefined && members.some(({ available }) => available);
    },
    get near() {
      return closing === undefined && members.some(({ near }) => near);
    },
    get openSequences() {
      return openSequences;
    },
    async ready() {
      if (closing) throw new UnavailableError("The engine is closed.");
      if (members.some(({ available }) => available)) return;
      if (members.length === 0)
        throw new UnavailableError(`No engine is set up for the model "${model.id}".`);
      await Promise.any(members.map((member) => member.ready())).catch(throwFirst);
    },
    members: () =>
      desks.map(({ member, sequences }) => {
        const { name, kind, available, problem, failures, places } = member;
        return { name, kind, available, problem, failures, places, sequences };
      }),
    open() {
      const sequence = new MovingSequence(choose, () => openSequences--);
      openSequences++;
      return sequence;
    },
    // What a member loses comes back or is left out; the pool itself stays.
    onLost() {},
    close() {
      closing ??= Promise.all(members.map((member) => member.close())).then(() => undefined);
      return closing;
    },
  };
}

function loadOf({ member, sequences }: Desk): number {
  return sequences / member.places;
}

/** What the first member said: with one member the only reason, with several the one of this machine. */
function throwFirst(error: unknown): never {
  if (error instanceof AggregateError && error.errors.length > 0) throw error.errors[0];
  throw error;
}

/** A sequence that leaves an engine which was lost for another. */
class MovingSequence implements EngineSequence {
  readonly #choose: () => Desk;
  readonly #onClosed: () => void;
  #place: { desk: Desk; held: PoolSequence };
  #closed = false;

  constructor(choose: () => Desk, onClosed: () => void) {
    this.#choose = choose;
    this.#onClosed = onClosed;
    this.#place = this.#settle();
  }

  get queuePosition(): number {
    return this.#place.held.sequence.queuePosition;
  }

  generate(...request: Parameters<EngineSequence["generate"]>): Generation {
    if (this.#closed) return failedGeneration(new InvalidError("The sequence is closed."));
    try {
      if (!this.#place.held.isAlive()) this.#move();
      return this.#place.held.sequence.generate(...request);
    } catch (error) {
      return failedGeneration(error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
    this.#place.desk.sequences--;
    await this.#place.held.sequence.close();
  }

  #move(): void {
    const before = this.#place;
    this.#place = this.#settle();
    before.desk.sequences--;
    // Its engine is gone: there is nothing to wait for.
    void before.held.sequence.close();
  }

  #settle(): { desk: Desk; held: PoolSequence } {
    const desk = this.#choose();
    const held = desk.member.open();
    desk.sequences++;
    return { desk, held };
  }
}

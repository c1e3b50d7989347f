/** Clocks by client id, as a Y state vector decodes. */
export type StateVector = ReadonlyMap<number, number>;

/**
 * Keeps account of what the server has committed: per connection, by counting frames; across
 * connections, as a state vector of everything known to be durable.
 */
export interface SaveLedger {
  /** Whether every change of ours is committed, as far as this connection can tell. */
  readonly settled: boolean;
  /** What is known to be committed; content beyond it may be lost with this copy. */
  readonly durable: StateVector;
  /** A new connection counts from zero. */
  connected: () => void;
  disconnected: () => void;
  /** A step 2 or update frame left, when our document stood at `state`. */
  sent: (state: StateVector) => void;
  /** The server has committed this many of the connection's frames. */
  acknowledged: (frames: number) => void;
  /** A change of ours; it counts as unsent until a frame carries it. */
  changed: () => void;
  /** The server has all of `state`. */
  serverHas: (state: StateVector) => void;
}

/** A ledger that knows `durable` to be committed. */
export function createSaveLedger(durable: StateVector = new Map()): SaveLedger {
  const known = new Map(durable);
  let isConnected = false;
  let committed = 0;
  let frames: StateVector[] = [];
  let unsent = false;

  const serverHas = (state: StateVector) => {
    for (const [client, clock] of state) {
      if (clock > (known.get(client) ?? 0)) known.set(client, clock);
    }
  };
  const restart = (connected: boolean) => {
    // What was under way may or may not have arrived; the next step 2 carries it again.
    unsent ||= frames.length > 0;
    isConnected = connected;
    committed = 0;
    frames = [];
  };
  return {
    get settled() {
      return !unsent && frames.length === 0;
    },
    durable: known,
    connected: () => restart(true),
    disconnected: () => restart(false),
    sent: (state) => {
      unsent = false;
      frames.push(state);
    },
    acknowledged: (count) => {
      const done = frames.splice(0, Math.max(0, count - committed));
      committed = Math.max(committed, count);
      for (const state of done) serverHas(state);
    },
    changed: () => {
      if (!isConnected) unsent = true;
    },
    serverHas,
  };
}

import * as Y from "yjs";

/** A binding that a commit is to store. */
export interface ClientBinding {
  clientId: number;
  /** null: the server. */
  accountId: string | null;
}

/**
 * Who owns which Yjs client id of one document. Ids belong to accounts, not to connections: they
 * outlive reconnects and reloads, and an account has as many as it has tabs.
 */
export class ClientIds {
  readonly #bound: Map<number, string | null>;
  /** Seen in awareness and not bound yet: kept for the account that showed it first. */
  readonly #reserved = new Map<number, string>();
  readonly #serverId: number;

  /** `draw` is there for those who need the same id again; one that was used is not taken. */
  constructor(bindings: readonly ClientBinding[], draw = drawAny) {
    this.#bound = new Map(bindings.map(({ clientId, accountId }) => [clientId, accountId]));
    this.#serverId = this.#drawUnused(draw);
  }

  /** The id that the server writes with while the document stays loaded; never used before. */
  get serverId(): number {
    return this.#serverId;
  }

  /** Adds the server's own id to the bindings of its first commit. */
  withServer(bindings: readonly ClientBinding[], doc: Y.Doc): ClientBinding[] {
    const isFirst = !this.#bound.has(this.#serverId) && Y.getState(doc.store, this.#serverId) > 0;
    return isFirst ? [...bindings, { clientId: this.#serverId, accountId: null }] : [...bindings];
  }

  isBound(clientId: number): boolean {
    return this.#bound.has(clientId);
  }

  /** Whether an account may write, or show itself, under this id. */
  mayUse(clientId: number, accountId: string): boolean {
    if (clientId === this.#serverId) return false;
    const owner = this.#bound.get(clientId);
    if (owner !== undefined) return owner === accountId;
    return (this.#reserved.get(clientId) ?? accountId) === accountId;
  }

  /** Nobody else can bind it from now on, while the document stays loaded. */
  reserve(clientId: number, accountId: string): void {
    if (!this.#bound.has(clientId)) this.#reserved.set(clientId, accountId);
  }

  /** Takes over what a commit has stored. */
  bind(bindings: readonly ClientBinding[]): void {
    for (const { clientId, accountId } of bindings) {
      this.#bound.set(clientId, accountId);
      this.#reserved.delete(clientId);
    }
  }

  #drawUnused(draw: () => number): number {
    const drawn = draw();
    return drawn === 0 || this.#bound.has(drawn) ? this.#drawUnused(drawAny) : drawn;
  }
}

const drawAny = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

import { type PGlite, parse, protocol, type Results } from "@electric-sql/pglite";

/** A statement that Postgres has parsed under a name of its own. */
interface Prepared {
  readonly name: string;
  readonly parameterTypes: readonly number[];
  /** Says what a result's rows consist of; none where there are no rows. */
  readonly columns: readonly Message[];
  uses: number;
}

type Message = Parameters<typeof parse.parseResults>[0][number];

/** Shapes of statements that are kept: the server has fewer but for inserts of any number of rows. */
const mostKept = 200;
/** A plan is made anew now and then: the tables grow under it. */
const mostUses = 500;

/** What neither makes nor changes a table; all else may change what a kept statement means. */
const keepable = /^\s*(select|insert|update|delete|with|begin|commit|rollback)\b/i;

const { serialize, Parser, messages: kinds } = protocol;

/**
 * The statements of a PGlite that is used by nobody else. One that comes again is bound to its
 * parameters and run in a single call; PGlite's own `query` parses and plans it each time, in six.
 */
export class PreparedStatements {
  readonly #pglite: PGlite;
  /** By SQL text, used longest ago first. */
  readonly #kept = new Map<string, Prepared>();
  #names = 0;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /**
   * Runs one statement; rejects with PGlite's DatabaseError. Not to be called while another runs.
   * Whether the statement was known changes nothing but the time that it takes: what else waits in
   * the event loop finds its turn as it would.
   */
  async query<Row>(text: string, parameters: readonly unknown[]): Promise<Results<Row>> {
    if (!keepable.test(text)) {
      this.#forgetAll();
      return this.#pglite.query<Row>(text, [...parameters]);
    }
    const prepared = this.#prepare(text);
    const values = parameters.map((value, index) => this.#write(value, prepared, index));
    const { messages } = await this.#pglite.execProtocol(
      inOneCall(serialize.bind({ statement: prepared.name, values }), serialize.execute({})),
      { syncToFs: false },
    );
    // Its rows are what the statement selects, which the caller names.
    const results = parse.parseResults([...prepared.columns, ...messages], this.#pglite.parsers);
    const [result] = results as Results<Row>[];
    if (result === undefined) throw new Error("a statement gave no result");
    return result;
  }

  #prepare(text: string): Prepared {
    const known = this.#kept.get(text);
    this.#kept.delete(text);
    const isWorn = known !== undefined && known.uses >= mostUses;
    if (isWorn) this.#close(known);
    const prepared = known === undefined || isWorn ? this.#parse(text) : known;
    prepared.uses += 1;
    this.#kept.set(text, prepared);
    this.#makeRoom();
    return prepared;
  }

  #parse(text: string): Prepared {
    const name = `kept${this.#names++}`;
    const messages = this.#runNow(
      serialize.parse({ name, text }),
      serialize.describe({ type: "S", name }),
    );
    return {
      name,
      parameterTypes: parse.parseDescribeStatementResults(messages),
      columns: messages.filter((message) => message.name === "rowDescription"),
      uses: 0,
    };
  }

  #write(value: unknown, { parameterTypes }: Prepared, index: number): string | null {
    if (value === null || value === undefined) return null;
    const type = parameterTypes[index];
    const write = type === undefined ? undefined : this.#pglite.serializers[type];
    return write === undefined ? String(value) : write(value);
  }

  #makeRoom(): void {
    const [oldest] = this.#kept;
    if (oldest === undefined || this.#kept.size <= mostKept) return;
    this.#kept.delete(oldest[0]);
    this.#close(oldest[1]);
  }

  #forgetAll(): void {
    for (const prepared of this.#kept.values()) this.#close(prepared);
    this.#kept.clear();
  }

  #close({ name }: Prepared): void {
    this.#runNow(serialize.close({ type: "S", name }));
  }

  /** Throws PGlite's DatabaseError. */
  #runNow(...requests: Uint8Array[]): Message[] {
    const messages: Message[] = [];
    const answer = this.#pglite.execProtocolRawSync(inOneCall(...requests));
    new Parser().parse(answer, (message) => messages.push(message));
    for (const message of messages) if (message instanceof kinds.DatabaseError) throw message;
    return messages;
  }
}

/** After an error Postgres skips all up to the sync at the end. */
function inOneCall(...requests: Uint8Array[]): Uint8Array {
  return Buffer.concat([...requests, serialize.sync()]);
}

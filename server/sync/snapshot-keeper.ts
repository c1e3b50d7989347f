import * as Y from "yjs";
import type { Logger } from "../observability/logger.ts";
import type { Snapshots } from "./snapshots.ts";

const rowsBetween = 500;
const bytesBetween = 256 * 1024;

/** Decides when one document gets a snapshot. */
export class SnapshotKeeper {
  readonly #documentId: string;
  readonly #snapshots: Snapshots;
  readonly #logger: Logger;
  #lastSeq: number;
  #bytes = 0;
  #keeping: Promise<void> = Promise.resolve();

  constructor(deps: {
    documentId: string;
    snapshotSeq: number;
    snapshots: Snapshots;
    logger: Logger;
  }) {
    this.#documentId = deps.documentId;
    this.#snapshots = deps.snapshots;
    this.#logger = deps.logger;
    this.#lastSeq = deps.snapshotSeq;
  }

  /** So many bytes more are in the log. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Takes one when enough has come since the last; the document must be as committed. */
  consider(doc: Y.Doc, headSeq: number): void {
    if (headSeq - this.#lastSeq < rowsBetween && this.#bytes < bytesBetween) return;
    // It only makes loading fast: nobody waits for it.
    void this.keep(doc, headSeq);
  }

  /** Takes one if anything is new. Never rejects: the log has everything. */
  keep(doc: Y.Doc, headSeq: number): Promise<void> {
    if (headSeq === this.#lastSeq) return this.#keeping;
    this.#lastSeq = headSeq;
    this.#bytes = 0;
    const state = Y.encodeStateAsUpdate(doc);
    this.#keeping = this.#keeping
      .then(() => this.#snapshots.keep(this.#documentId, { seq: headSeq, state }))
      .catch((error: unknown) => {
        this.#logger.warn({ err: error, documentId: this.#documentId }, "snapshot was not kept");
      });
    return this.#keeping;
  }
}

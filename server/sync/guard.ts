import * as Y from "yjs";
import { type CloseCode, closeCodes } from "#shared/close-codes.ts";
import { hasControlCharacter } from "#shared/plain-text.ts";
import {
  blockAttributes,
  headingLevels,
  markAttributes,
  sharedTypes,
} from "#shared/sync-protocol.ts";
import type { ClientBinding } from "./client-ids.ts";
import type { Frontier } from "./frontier.ts";
import type { NewItems } from "./new-items.ts";
import { scanUpdate, UpdateShapeError } from "./update-scan.ts";
import { type DeleteRanges, trimUpdate } from "./update-trim.ts";

/** More than a person writes in one go; each struct costs memory for good. */
export const updateLimits = {
  structs: 50_000,
  deleteRanges: 200_000,
  structLength: 16 * 1024 * 1024,
  /** New client ids in one update: one a tab since the last time online. */
  newClients: 100,
  /** Runs that text of one update may claim and that have to be looked up. */
  unknownRuns: 100,
  /** Looks at structs until each comes after what it builds on; most updates take one each. */
  looks: 1_000_000,
  /** Items that Yjs walks over to find the places of the new ones; next to none as people write. */
  integrationSteps: 5_000_000,
} as const;

/** What the guard must know of the document and of who writes. */
export interface GuardContext {
  accountId: string;
  /** All that is durable or goes with the same commit. */
  frontier: Frontier;
  isRun(runId: string): boolean;
}

export type Verdict =
  /** `payload` is what the document does not have yet; `bindings` go with the same commit. */
  | { kind: "accepted"; payload: Uint8Array; bindings: ClientBinding[] }
  /** All of it is known: nothing to commit. */
  | { kind: "nothing" }
  /** Run ids that are not known to be of this document: look them up, then judge again. */
  | { kind: "unknownRuns"; runIds: string[] }
  /** Another account's client id, or something it builds on is missing; the log may know more. */
  | { kind: "notOurCopy"; reason: string }
  | { kind: "refused"; code: CloseCode; reason: string };

type Struct = ReturnType<typeof Y.decodeUpdate>["structs"][number];

/**
 * Judges one update before anything is done with it, on a copy of its bytes. An accepted one
 * integrates completely: it leaves nothing pending, and it writes under no foreign client id.
 */
export function judgeUpdate(bytes: Uint8Array, context: GuardContext): Verdict {
  const update = bytes.slice();
  try {
    scanUpdate(update, updateLimits);
    const { structs, ds } = Y.decodeUpdate(update);
    return judgeDecoded(update, structs, ds.clients, context);
  } catch (error) {
    if (error instanceof Refusal) return error.verdict;
    if (error instanceof UpdateShapeError) {
      return { kind: "refused", code: closeCodes[error.reason], reason: error.message };
    }
    return { kind: "refused", code: closeCodes.malformed, reason: "not an update" };
  }
}

function judgeDecoded(
  update: Uint8Array,
  structs: readonly Struct[],
  deletions: DeleteRanges,
  context: GuardContext,
): Verdict {
  const news = structs.filter((struct) => isNew(struct, context.frontier));
  for (const struct of news) checkSchema(struct, context.frontier);
  const bindings = checkClientIds(news, context);
  const { after, ordered } = checkDependencies(news, context.frontier);
  checkDeletions(deletions, after, context.frontier);
  const placed = checkPlaces(ordered, context.frontier);
  checkCharacters(news, deletions, { frontier: context.frontier, placed });
  const runIds = unknownRuns(news, context);
  if (runIds.length > 0) return { kind: "unknownRuns", runIds };
  const hasKnown = structs.length > news.length || news.some(isPartlyKnown(context.frontier));
  const payload = trimUpdate(update, hasKnown, deletions, context.frontier);
  if (payload === undefined) return { kind: "nothing" };
  context.frontier.advance(after, bindings, placed);
  return { kind: "accepted", payload, bindings };
}

/** Whether part of it lies above what is durable or queued; the rest is skipped, whoever wrote it. */
function isNew(struct: Struct, frontier: Frontier): boolean {
  if (struct instanceof Y.Skip) return false;
  return struct.id.clock + struct.length > frontier.clock(struct.id.client);
}

/** What is known of it may say something else here: Yjs would put its rest where that points. */
const isPartlyKnown = (frontier: Frontier) => (struct: Struct) =>
  struct.id.clock < frontier.clock(struct.id.client);

/** The body and the title are flat texts: characters, and the marks and blocks that we know. */
function checkSchema(struct: Struct, frontier: Frontier): void {
  if (!(struct instanceof Y.Item)) return;
  const { parent, content, id } = struct;
  if (typeof parent === "string" && !rootTypes.has(parent)) {
    throw refuse(closeCodes.malformed, "an unknown shared type");
  }
  if (content instanceof Y.ContentFormat && !isAllowedAttribute(content.key, content.value)) {
    throw refuse(closeCodes.malformed, "an attribute outside the schema");
  }
  if (!(content instanceof Y.ContentString)) return;
  // What is known already is skipped, whatever it holds.
  const written = content.str.slice(Math.max(0, frontier.clock(id.client) - id.clock));
  if (hasControlCharacter(written)) throw refuse(closeCodes.malformed, "a control character");
}

const rootTypes: ReadonlySet<unknown> = new Set(Object.values(sharedTypes));
const levels: readonly unknown[] = headingLevels;
const attributes: readonly string[] = [...markAttributes, ...blockAttributes];

/** What a run's id can look like; anything else never reaches the database. */
const runIds = /^[\w-]{1,64}$/;

/** null ends an attribute. A `run` must also be one of the document's: `unknownRuns`. */
function isAllowedAttribute(name: string, value: unknown): boolean {
  if (value === null) return attributes.includes(name);
  switch (name) {
    case "bold":
    case "italic":
      return value === true;
    case "run":
      return typeof value === "string" && runIds.test(value);
    case "block":
      return value === "heading";
    case "level":
      return levels.includes(value);
    default:
      return false;
  }
}

/** Own ids pass, unbound ones that start at 0 are bound with the commit, all others are foreign. */
function checkClientIds(news: readonly Struct[], context: GuardContext): ClientBinding[] {
  const { accountId, frontier } = context;
  const unbound = new Set<number>();
  for (const { client } of news.map((struct) => struct.id)) {
    const standing = frontier.standing(client, accountId);
    if (standing === "foreign") throw notOurs("a foreign client id");
    if (standing === "free") unbound.add(client);
  }
  if (unbound.size > updateLimits.newClients) {
    throw refuse(closeCodes.tooLarge, "too many new client ids");
  }
  return [...unbound].map((clientId) => ({ clientId, accountId }));
}

/**
 * Walks the structs as Yjs integrates them: each only after its predecessor and all that it refers
 * to. Returns the clocks after the update, and the structs in that order.
 */
function checkDependencies(news: readonly Struct[], frontier: Frontier) {
  const ordered: Struct[] = [];
  const after = new Map<number, number>();
  const clock = (client: number) => after.get(client) ?? frontier.clock(client);
  let waiting = groupByClient(news);
  for (let looks = 0; waiting.length > 0; ) {
    let progress = 0;
    for (const group of waiting) {
      const from = group.next;
      for (; group.next < group.structs.length; group.next++) {
        const struct = group.structs[group.next];
        if (struct === undefined || !isIntegrable(struct, clock)) break;
        after.set(struct.id.client, struct.id.clock + struct.length);
        ordered.push(struct);
      }
      progress += group.next - from;
    }
    if (progress === 0) throw notOurs("something it builds on is missing");
    looks += progress + waiting.length;
    if (looks > updateLimits.looks) throw refuse(closeCodes.tooLarge, "too entangled");
    waiting = waiting.filter(({ structs, next }) => next < structs.length);
  }
  return { after, ordered };
}

function isIntegrable(struct: Struct, clock: (client: number) => number): boolean {
  if (struct.id.clock > clock(struct.id.client)) return false;
  if (!(struct instanceof Y.Item)) return true;
  const { origin, rightOrigin } = struct;
  if (origin !== null && origin.clock >= clock(origin.client)) return false;
  return rightOrigin === null || rightOrigin.clock < clock(rightOrigin.client);
}

/** What a client wrote, and the first of it that is not integrated yet. */
interface ClientGroup {
  structs: Struct[];
  next: number;
}

function groupByClient(structs: readonly Struct[]): ClientGroup[] {
  const groups = new Map<number, ClientGroup>();
  for (const struct of structs) {
    const group = groups.get(struct.id.client);
    if (group === undefined) groups.set(struct.id.client, { structs: [struct], next: 0 });
    else group.structs.push(struct);
  }
  return [...groups.values()];
}

function checkDeletions(
  deletions: DeleteRanges,
  after: ReadonlyMap<number, number>,
  frontier: Frontier,
): void {
  for (const [client, ranges] of deletions) {
    const end = after.get(client) ?? frontier.clock(client);
    if (ranges.some(({ clock, len }) => clock + len > end)) {
      throw notOurs("it deletes what is missing");
    }
  }
}

/** Nothing costs Yjs too long a walk, and nothing stands where nobody could have written it. */
function checkPlaces(ordered: readonly Struct[], frontier: Frontier): NewItems {
  const items = ordered.filter((struct) => struct instanceof Y.Item);
  const { integrationSteps: limit } = updateLimits;
  const { steps, isPossible, placed } = frontier.place(items, limit);
  if (steps >= limit) throw refuse(closeCodes.tooLarge, "too far from its place");
  if (!isPossible) throw refuse(closeCodes.malformed, "between what is no place");
  return placed;
}

/** Nothing is put between the halves of a surrogate pair, and none is taken alone. */
function checkCharacters(
  news: readonly Struct[],
  deletions: DeleteRanges,
  { frontier, placed }: { frontier: Frontier; placed: NewItems },
): void {
  const cuts = (client: number, clock: number) => frontier.cutsCharacter(client, clock, placed);
  const isBetween = news.some((struct) => {
    if (!(struct instanceof Y.Item)) return false;
    const { origin, rightOrigin } = struct;
    if (origin !== null && cuts(origin.client, origin.clock + 1)) return true;
    return rightOrigin !== null && cuts(rightOrigin.client, rightOrigin.clock);
  });
  const isHalfDeleted = [...deletions].some(([client, ranges]) =>
    ranges.some(({ clock, len }) => cuts(client, clock) || cuts(client, clock + len)),
  );
  if (isBetween || isHalfDeleted) throw refuse(closeCodes.malformed, "half a character");
}

/** Run ids in new text that are not known yet, each once. */
function unknownRuns(news: readonly Struct[], context: GuardContext): string[] {
  const found = new Set<string>();
  for (const struct of news) {
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentFormat)) continue;
    const { key, value } = struct.content;
    if (key === "run" && value !== null) found.add(String(value));
  }
  const unknown = [...found].filter((runId) => !context.isRun(runId));
  if (unknown.length > updateLimits.unknownRuns) {
    throw refuse(closeCodes.tooLarge, "too many unknown runs");
  }
  return unknown;
}

class Refusal extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.kind);
    this.verdict = verdict;
  }
}

const refuse = (code: CloseCode, reason: string) => new Refusal({ kind: "refused", code, reason });
const notOurs = (reason: string) => new Refusal({ kind: "notOurCopy", reason });

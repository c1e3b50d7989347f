import { z } from "zod";
import type { SocketErrorCode } from "./errors.ts";
import type { AccountStatus, DocumentRole } from "./permissions.ts";
import type { Run } from "./run.ts";
import { samplingInputSchema } from "./sampling.ts";

const documentId = z.string().min(1).max(64);
/** base64 of a Y state vector; the server waits up to 2 s until it has what the person saw. */
const seen = z
  .base64()
  .max(64 * 1024)
  .optional();

export const joinInputSchema = z.strictObject({
  documentId,
  /** false: the text alone tells what a run writes; no `run:tokens` come. */
  tokens: z.boolean().optional(),
});
export const leaveInputSchema = z.strictObject({ documentId });
export const runCommandInputSchema = z.strictObject({ documentId, seen });
export const startRunInputSchema = z.strictObject({
  documentId,
  seen,
  at: z.enum(["end", "caret"]).optional(),
  /** base64 of an encoded Y.RelativePosition; required with at: "caret". */
  caret: z.base64().max(4096).optional(),
  model: z.string().min(1).max(100).optional(),
  sampling: samplingInputSchema.optional(),
});
export type StartRunInput = z.infer<typeof startRunInputSchema>;
export const tuneRunInputSchema = z.strictObject({
  documentId,
  seen,
  sampling: samplingInputSchema,
});

/** Every client → server event with its input; `sockets` parses with these before anything else. */
export const clientEvents = {
  "document:join": joinInputSchema,
  "document:leave": leaveInputSchema,
  "run:start": startRunInputSchema,
  "run:pause": runCommandInputSchema,
  "run:resume": runCommandInputSchema,
  "run:stop": runCommandInputSchema,
  "run:tune": tuneRunInputSchema,
} as const;
export type ClientEvent = keyof typeof clientEvents;

export interface Refusal {
  ok: false;
  code: SocketErrorCode;
  message: string;
  details?: Record<string, unknown>;
}
export type RunAnswer = { ok: true; run: Run } | Refusal;
export type JoinAnswer = { ok: true; role: DocumentRole; run: Run | null } | Refusal;

export interface RunToken {
  /** Place in the run, from 0. */
  index: number;
  id: number;
  /** Whole characters only; "" where the token ends inside a character. */
  text: string;
  logprob: number;
}

export interface RunStats {
  documentId: string;
  runId: string;
  tokensPerSecond: number;
  tokens: number;
  contextTokens: number;
  /** 0: running; n: n-th in line. */
  queuePosition: number;
  rereads: number;
  /** Keys and values that re-reads found still right, in tokens, over the whole run. */
  keptTokens: number;
  /** Where the text that the model sees begins: base64 of an encoded Y.RelativePosition; null: at the top. */
  window?: string | null;
}

/** A person changed text inside the prompt; the next token comes from the changed text. */
export interface RunReread {
  documentId: string;
  runId: string;
  /** Where the change begins: base64 of an encoded Y.RelativePosition. */
  position: string;
}

type Acknowledge<Answer> = (answer: Answer) => void;

export interface ClientToServerEvents {
  "document:join": (input: z.input<typeof joinInputSchema>, ack: Acknowledge<JoinAnswer>) => void;
  "document:leave": (
    input: z.input<typeof leaveInputSchema>,
    ack: Acknowledge<{ ok: true } | Refusal>,
  ) => void;
  "run:start": (input: StartRunInput, ack: Acknowledge<RunAnswer>) => void;
  "run:pause": (input: z.input<typeof runCommandInputSchema>, ack: Acknowledge<RunAnswer>) => void;
  "run:resume": (input: z.input<typeof runCommandInputSchema>, ack: Acknowledge<RunAnswer>) => void;
  "run:stop": (input: z.input<typeof runCommandInputSchema>, ack: Acknowledge<RunAnswer>) => void;
  "run:tune": (input: z.input<typeof tuneRunInputSchema>, ack: Acknowledge<RunAnswer>) => void;
}

export interface ServerToClientEvents {
  "run:state": (event: { documentId: string; run: Run }) => void;
  "run:tokens": (event: { documentId: string; runId: string; tokens: RunToken[] }) => void;
  "run:stats": (event: RunStats) => void;
  "run:reread": (event: RunReread) => void;
  "document:access": (event: { documentId: string; role: DocumentRole | null }) => void;
  /**
   * To everyone on the document, joined or not: its title, people or run changed; lists look again.
   * `onlyRun`: nothing but the run did, of which `run:state` tells those who have the document open, and
   * the versions that it keeps.
   */
  "documents:changed": (event: { documentId: string; onlyRun: boolean }) => void;
  /** The account was suspended or rejected: the last word before its connections end. */
  "account:ended": (event: AccountEnded) => void;
  /** To admins, at connect and at each change: how many requests wait. */
  "admin:waiting": (event: { count: number }) => void;
}

export interface AccountEnded {
  status: Exclude<AccountStatus, "active" | "pending">;
  /** What the admin wrote. */
  reason: string | null;
}

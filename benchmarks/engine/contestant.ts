import { z } from "zod";

/** What a contestant is asked to go on with: one document's prompt. */
export interface Writing {
  /** Number of the document; its contestant may keep what it has computed of it. */
  document: number;
  prompt: readonly number[];
}

/** When the tokens of one document came: milliseconds since it was asked. */
export interface Written {
  times: number[];
  ids: number[];
}

/** One engine with one model, ours or a peer's, as its users use it. */
export interface Contestant {
  /** Writes `count` tokens after the prompt. Several documents may be asked for at once. */
  write(writing: Writing, count: number, wish: Wish): Promise<Written>;
  /** Forgets all documents. */
  forget(): Promise<void>;
  /** Its helpers are killed, as a fault would: how long until that is known, and until it writes. */
  crash?(): Promise<{ knownMs: number; backMs: number }>;
  close(): Promise<void>;
}

/** How tokens are drawn, where that is ours to say. Peers draw the likeliest, and tell no others. */
export const wishSchema = z.object({
  /** As people's runs begin (temperature, top-k, penalties), or just the likeliest. */
  sampling: z.enum(["usual", "greedy"]),
  alternatives: z.int().nonnegative(),
});
export type Wish = z.infer<typeof wishSchema>;

export const contestantNames = [
  "ours-int8",
  "ours-fp32",
  "llama.cpp f32",
  "llama.cpp q8_0",
  "llama.cpp q4_0",
  "transformers.js fp32",
  "transformers.js q8",
] as const;
export type ContestantName = (typeof contestantNames)[number];

export const settingsSchema = z.object({
  name: z.enum(contestantNames),
  /** Ours: a model folder of ours. llama.cpp: a GGUF file. transformers.js: a folder of its layout. */
  model: z.string(),
  threads: z.int().positive(),
  /** How many documents it has to hold at once. */
  places: z.int().positive(),
});
export type ContestantSettings = z.infer<typeof settingsSchema>;

/** What the benchmark asks of a contestant's process; it answers each with a reply. */
export const askedSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("write"),
    writings: z.array(z.object({ document: z.int(), prompt: z.array(z.int()) })),
    count: z.int().positive(),
    wish: wishSchema,
    /** A timer a millisecond, which costs whoever's event loop is free for it. */
    watchesLoop: z.boolean(),
  }),
  z.object({ type: z.literal("forget") }),
  z.object({ type: z.literal("crash") }),
  z.object({ type: z.literal("close") }),
]);
export type Asked = z.infer<typeof askedSchema>;

export const replySchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({
    type: z.literal("written"),
    documents: z.array(z.object({ times: z.array(z.number()), ids: z.array(z.int()) })),
    /** Delay of the process's event loop meanwhile, 99th percentile, in milliseconds; 0 unwatched. */
    eventLoopMs: z.number(),
  }),
  z.object({ type: z.literal("forgotten") }),
  z.object({ type: z.literal("crashed"), knownMs: z.number(), backMs: z.number() }),
  z.object({ type: z.literal("failed"), message: z.string() }),
]);
export type Reply = z.infer<typeof replySchema>;

import { z } from "zod";

/** Codes of a failed Socket.IO acknowledgement. */
export const socketErrorCodes = [
  "invalid",
  "forbidden",
  "not_found",
  "run_exists",
  "illegal_transition",
  "not_synced",
  "too_many",
  "unavailable",
] as const;
export type SocketErrorCode = (typeof socketErrorCodes)[number];

/** The body of every HTTP error. */
export const errorBodySchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

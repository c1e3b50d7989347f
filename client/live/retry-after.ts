import { z } from "zod";

const refusalSchema = z.object({
  data: z.object({ details: z.object({ retryAfterMs: z.number().positive() }) }),
});

/** When a connection that the server refused may be tried again; undefined: not by itself. */
export function retryAfterMs(error: Error): number | undefined {
  return refusalSchema.safeParse(error).data?.data.details.retryAfterMs;
}

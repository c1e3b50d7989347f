import { useSearchParams } from "react-router";
import type { z } from "zod";

/** What a list shows, kept in the address: it outlasts a reload, and can be sent to another admin. */
export interface ListQuery<Query> {
  query: Query;
  /** Begins again at the first page unless a page is named. */
  change: (changes: Partial<Query>) => void;
}

/** Reads the address with `schema`; what it does not understand counts as left out. */
export function useListQuery<Query extends { page: number }>(
  schema: z.ZodType<Query>,
): ListQuery<Query> {
  const [parameters, setParameters] = useSearchParams();
  const read = schema.safeParse(Object.fromEntries(parameters));
  const query = read.success ? read.data : schema.parse({});
  const change = (changes: Partial<Query>) => {
    const next = new URLSearchParams();
    const defaults = new Map<string, unknown>(Object.entries(schema.parse({})));
    const wanted = new Map<string, unknown>(Object.entries({ ...query, page: 1, ...changes }));
    for (const [name, value] of wanted)
      if (value !== undefined && value !== "" && value !== defaults.get(name))
        next.set(name, String(value));
    setParameters(next, { replace: true });
  };
  return { query, change };
}

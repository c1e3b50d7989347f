import { queryOptions } from "@tanstack/react-query";
import { z } from "zod";
import { modelSchema } from "#shared/http.ts";
import { request } from "./request.ts";

/** An engine that is away may be back at any moment. */
const awayMs = 5_000;
const settledMs = 60_000;

/** The models that this installation can write with. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () =>
    (await request("GET", "/api/models", z.object({ models: z.array(modelSchema) }))).models,
  staleTime: 30_000,
  refetchInterval: ({ state }) =>
    state.data?.some(({ available }) => !available) ? awayMs : settledMs,
});

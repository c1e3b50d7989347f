import { queryOptions } from "@tanstack/react-query";
import { z } from "zod";
import { modelSchema } from "#shared/http.ts";
import { request } from "./request.ts";

/** The models that this installation can write with. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () =>
    (await request("GET", "/api/models", z.object({ models: z.array(modelSchema) }))).models,
  staleTime: 30_000,
});

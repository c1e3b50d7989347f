import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { z } from "zod";
import { type AdminModels, adminModelsSchema, modelCheckSchema } from "#shared/models.ts";
import { request, requestNothing } from "./request.ts";

const root = "/api/admin/models";
const path = (id: string) => `${root}/${encodeURIComponent(id)}`;
const jobPath = (id: string) => `${root}/jobs/${encodeURIComponent(id)}`;

const busyMs = 1_000;
const idleMs = 10_000;

/** All models with what they take, and what is being added: looked at each second while it is. */
export const adminModelsQuery = queryOptions({
  queryKey: ["admin", "models"],
  queryFn: () => request("GET", root, adminModelsSchema),
  refetchInterval: ({ state }) => (isBusy(state.data) ? busyMs : idleMs),
});

function isBusy(answer: AdminModels | undefined): boolean {
  return answer?.jobs.some(({ state }) => state === "running" || state === "queued") ?? false;
}

/** The lists of models everywhere, the one that writers choose from as well. */
function useLookAgain() {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["admin"] }),
      client.invalidateQueries({ queryKey: ["models"] }),
    ]);
}

export function useAddModel() {
  const onSettled = useLookAgain();
  return useMutation({
    mutationFn: (name: string) => requestNothing("POST", root, { name }),
    onSettled,
  });
}

/** Stops the adding of a model, goes on with it, or discards what is here of it. */
export function useModelJob(id: string) {
  const onSettled = useLookAgain();
  const stop = useMutation({
    mutationFn: () => requestNothing("POST", `${jobPath(id)}/stop`, {}),
    onSettled,
  });
  const resume = useMutation({
    mutationFn: () => requestNothing("POST", `${jobPath(id)}/resume`, {}),
    onSettled,
  });
  const discard = useMutation({
    mutationFn: () => requestNothing("DELETE", jobPath(id)),
    onSettled,
  });
  return { stop, resume, discard };
}

/** Removes a model, makes it the default, or compares its files with what was imported. */
export function useAdministerModel(id: string) {
  const onSettled = useLookAgain();
  const remove = useMutation({
    mutationFn: (force: boolean) => requestNothing("DELETE", path(id), { force }),
    onSettled,
  });
  const makeDefault = useMutation({
    mutationFn: () => requestNothing("POST", `${path(id)}/default`, {}),
    onSettled,
  });
  const verify = useMutation({
    mutationFn: async () => {
      const answer = z.object({ check: modelCheckSchema });
      return (await request("POST", `${path(id)}/verify`, answer, {})).check;
    },
  });
  return { remove, makeDefault, verify };
}

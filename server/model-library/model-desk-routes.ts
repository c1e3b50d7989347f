import { type Request, Router } from "express";
import { addModelInputSchema, modelIdSchema, removeModelInputSchema } from "#shared/models.ts";
import { AppError } from "../errors.ts";
import { type Asked, type Endpoints, nothing, pathId } from "../http/endpoint.ts";
import { globally } from "../http/permission.ts";
import type { Asker, ModelDesk } from "./model-desk.ts";

/** The models of this installation, for admins; a model is added by its name on the hub alone. */
export function createModelDeskRoutes(desk: ModelDesk, { permitted }: Endpoints): Router {
  const router = Router();
  const administer = globally("administer");

  router.get(
    "/admin/models",
    permitted(administer, async () => ({ json: await desk.read() })),
  );
  router.post(
    "/admin/models",
    permitted(
      administer,
      async (asked) => ({
        status: 202,
        json: { job: await desk.add(askerOf(asked), asked.input.name) },
      }),
      { input: addModelInputSchema },
    ),
  );
  router.post(
    "/admin/models/jobs/:id/stop",
    permitted(
      administer,
      async ({ request }) => ({ json: { job: await desk.stop(pathId(request, "id")) } }),
      { input: nothing },
    ),
  );
  router.post(
    "/admin/models/jobs/:id/resume",
    permitted(
      administer,
      async (asked) => ({
        json: { job: await desk.resume(askerOf(asked), pathId(asked.request, "id")) },
      }),
      { input: nothing },
    ),
  );
  router.delete(
    "/admin/models/jobs/:id",
    permitted(administer, async ({ request }) => {
      await desk.discard(pathId(request, "id"));
      return { status: 204 };
    }),
  );
  router.post(
    "/admin/models/:id/default",
    permitted(
      administer,
      async (asked) => {
        await desk.makeDefault(askerOf(asked), modelIn(asked.request));
        return { status: 204 };
      },
      { input: nothing },
    ),
  );
  router.post(
    "/admin/models/:id/verify",
    permitted(
      administer,
      async ({ request }) => ({ json: { check: await desk.verify(modelIn(request)) } }),
      { input: nothing },
    ),
  );
  router.delete(
    "/admin/models/:id",
    permitted(
      administer,
      async (asked) => {
        const { force = false } = asked.input;
        await desk.remove(askerOf(asked), modelIn(asked.request), { force });
        return { status: 204 };
      },
      { input: removeModelInputSchema },
    ),
  );

  return router;
}

function askerOf({ session, sender }: Pick<Asked<unknown>, "session" | "sender">): Asker {
  return { actor: session.actor, sender };
}

/** A model's id may hold dots, which other ids do not. */
function modelIn(request: Request): string {
  const id = modelIdSchema.safeParse(request.params["id"]).data;
  if (id !== undefined) return id;
  throw new AppError("no_such_model", 404, "There is no such model.");
}

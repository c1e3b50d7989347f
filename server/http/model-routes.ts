import { Router } from "express";
import type { Model } from "#shared/http.ts";
import type { Endpoints } from "./endpoint.ts";
import { globally } from "./permission.ts";

/** The models that a run may choose from. */
export function createModelRoutes(listModels: () => Model[], endpoints: Endpoints): Router {
  const router = Router();
  router.get(
    "/models",
    endpoints.permitted(globally("listModels"), async () => ({ json: { models: listModels() } })),
  );
  return router;
}

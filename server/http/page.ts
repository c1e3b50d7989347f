import { join } from "node:path";
import express, { type RequestHandler, Router } from "express";
import { declarePermission } from "./permission.ts";

const oneYearMs = 365 * 24 * 60 * 60 * 1000;

/** The built page: its hashed files for ever, its entry always asked for anew, under any address. */
export function createPage(clientDir: string): Router {
  const router = Router();
  router.use(
    "/assets",
    express.static(join(clientDir, "assets"), { immutable: true, maxAge: oneYearMs, index: false }),
  );
  router.use(express.static(clientDir, { index: false, redirect: false }));
  router.get("/{*path}", declarePermission({ kind: "anyone" }, sendEntry(clientDir)));
  return router;
}

function sendEntry(clientDir: string): RequestHandler {
  return (request, response, next) => {
    const isAddressOfPage = !/\.\w+$/.test(request.path) && request.accepts("html") !== false;
    if (!isAddressOfPage || /^\/(api|v1|sync|socket\.io|assets)\//.test(request.path))
      return next();
    response.set("Cache-Control", "no-cache");
    response.sendFile("index.html", { root: clientDir }, (error) => {
      // Not built yet: then there is nothing at this address.
      if (error !== undefined && !response.headersSent) next();
    });
  };
}

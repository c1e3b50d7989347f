import { realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import express, { type RequestHandler, Router } from "express";
import { declarePermission } from "./permission.ts";

const oneYearMs = 365 * 24 * 60 * 60 * 1000;

/** The built page: its hashed files for ever, its entry always asked for anew, under any address. */
export function createPage(clientDir: string): Router {
  const router = Router();
  router.use(refuseLinksOut(clientDir));
  router.use(
    "/assets",
    express.static(join(clientDir, "assets"), {
      immutable: true,
      maxAge: oneYearMs,
      index: false,
      redirect: false,
    }),
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

/** What lies outside the folder is not there, whatever way or link leads to it. */
function refuseLinksOut(folder: string): RequestHandler {
  return async (request, _response, next) => {
    const place = await placeOf(folder, request.path);
    const within = place === undefined || `${place}${sep}`.startsWith(await rootOf(folder));
    return within ? next() : next("router");
  };
}

/** The file that an address leads to; undefined where there is none. */
async function placeOf(folder: string, path: string): Promise<string | undefined> {
  try {
    return await realpath(join(folder, decodeURIComponent(path)));
  } catch {
    return undefined;
  }
}

async function rootOf(folder: string): Promise<string> {
  return `${await realpath(folder)}${sep}`;
}

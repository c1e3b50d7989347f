import express, { Router } from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientEvents } from "#shared/socket-events.ts";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";
import { declarePermission, globally } from "../../server/http/permission.ts";
import { listRoutes } from "../../server/http/route-list.ts";
import { eventPermissions } from "../../server/sockets/event-permissions.ts";
import { framePermissions } from "../../server/sync/frame-permissions.ts";
import { decodeFrame } from "../../server/sync/frames.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const named = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

describe("A30: everything that can be asked says what it asks for", () => {
  test("every HTTP route of the running server", () => {
    const { routes } = app;
    expect(routes.length).toBeGreaterThan(30);
    const silent = routes.filter(({ permission }) => permission === undefined).map(named);
    expect(silent, "make these with endpoints.permitted or endpoints.anyone").toEqual([]);
  });

  test("no route is mounted twice or out of sight", () => {
    const names = app.routes.map(named);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.filter((name) => name.includes("(elsewhere)"))).toEqual([]);
  });

  test("every Socket.IO event of a client", () => {
    expect(Object.keys(eventPermissions).toSorted()).toEqual(Object.keys(clientEvents).toSorted());
  });

  test("every kind of frame that a client can send", () => {
    const kinds = new Set<string>();
    for (let type = 0; type < 256; type++) {
      for (let inner = 0; inner < 128; inner++) {
        for (const bytes of [[type], [type, inner], [type, inner, 0]])
          kinds.add(decodeFrame(Uint8Array.from(bytes))?.kind ?? "none");
      }
    }
    kinds.delete("none");
    expect([...kinds].toSorted()).toEqual(Object.keys(framePermissions).toSorted());
    const ours = Object.keys(messageTypes).length - 1 + Object.keys(syncMessageTypes).length - 1;
    expect(kinds.size).toBe(ours);
  });
});

describe("A30: what would be forgotten shows", () => {
  const handler = express.json();
  const declared = declarePermission(globally("administer"), (_request, response) => {
    response.end();
  });

  test("a handler without a permission, also where an earlier one of its route has one", () => {
    const web = express();
    web.get("/bare", handler);
    web.get("/last", declared, handler);
    web.get("/sound", handler, declared);
    const routes = listRoutes(web, {});
    expect(routes.filter(({ permission }) => permission === undefined).map(named)).toEqual([
      "GET /bare",
      "GET /last",
    ]);
  });

  test("each method of a route for itself", () => {
    const web = express();
    web.route("/both").get(declared).post(handler);
    expect(listRoutes(web, {}).map(({ permission }) => permission?.kind)).toEqual([
      "global",
      undefined,
    ]);
  });

  test("a router that nobody named, however deep", () => {
    const web = express();
    const [known, hidden, inner] = [Router(), Router(), Router()];
    known.get("/known", declared);
    inner.post("/hidden", handler);
    hidden.use(inner);
    known.use("/deeper", hidden);
    web.use("/api", known);
    expect(listRoutes(web, { "/api": [known] }).map(named)).toEqual([
      "GET /api/known",
      "POST (elsewhere)/hidden",
    ]);
  });
});

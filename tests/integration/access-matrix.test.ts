import { rm } from "node:fs/promises";
import { io } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import {
  canSeeDocument,
  documentActions,
  globalActions,
  mayGlobally,
  mayOnDocument,
} from "#shared/permissions.ts";
import type { ClientEvent } from "#shared/socket-events.ts";
import { eventPermissions } from "../../server/sockets/event-permissions.ts";
import {
  awarenessFrame,
  type ClientFrame,
  decodeAwareness,
  decodeFrame,
  savedFrame,
  step1Frame,
  step2Frame,
  updateFrame,
} from "../../server/sync/frames.ts";
import { type Operation, type Outcome, outcomes } from "../support/access-table.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type Person, personWith } from "../support/person.ts";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import {
  everyone,
  type PreparedStandings,
  prepareStandings,
  standings,
  type Who,
} from "../support/standings.ts";
import { updateOf } from "../support/sync-desk.ts";

interface Example {
  operation: Operation;
  /** What stands in the path's places; the document and its version are known. */
  path?: Record<string, string>;
  /** Absent: none is sent with a GET, one that every schema refuses with anything else. */
  body?: unknown;
  /** What it is answered with once it was let in. */
  answers: readonly number[];
}

const notAField = { notAField: true };
const admin = (...answers: number[]): Example[] => [{ operation: "administer", answers }];
const own = (...answers: number[]): Example[] => [{ operation: "ownAccount", answers }];
const open = (...answers: number[]): Example[] => [{ operation: "nothing", answers }];
const onDocument = (operation: Operation, answer: number, body?: unknown): Example => ({
  operation,
  answers: [answer],
  ...(body === undefined ? {} : { body }),
});

/** A request or more for every route. What an id in a path stands for is `nobody-there`. */
const examples: Record<string, Example[]> = {
  "GET /healthz": open(200),
  "GET /readyz": open(200),
  // 404 where the page is not built.
  "GET /{*path}": open(200, 404),
  "POST /api/sign-up": open(400),
  "POST /api/sign-in": open(400),
  "POST /api/sign-out": open(400),
  "POST /api/password-resets": open(400),
  "POST /api/password-resets/use": open(400),
  "GET /api/me": own(200),
  "GET /api/account": own(200),
  "PATCH /api/account": own(400),
  "DELETE /api/account": own(400),
  "GET /api/account/export": own(200),
  "POST /api/account/password": own(400),
  "GET /api/account/sessions": own(200),
  "DELETE /api/account/sessions": own(200, 204, 400),
  "DELETE /api/account/sessions/:id": own(400, 404),
  "POST /api/account/totp": own(400),
  "PUT /api/account/totp": own(400),
  "DELETE /api/account/totp": own(400),
  "POST /api/account/recovery-codes": own(400),
  "GET /api/admin/users": admin(200),
  "POST /api/admin/users/approve": admin(400),
  "POST /api/admin/users/reject": admin(400),
  "POST /api/admin/users/:id/approve": admin(400),
  "POST /api/admin/users/:id/reject": admin(400),
  "POST /api/admin/users/:id/suspend": admin(400),
  "POST /api/admin/users/:id/reinstate": admin(400),
  "PATCH /api/admin/users/:id": admin(400),
  "POST /api/admin/users/:id/end-sessions": admin(400),
  "POST /api/admin/users/:id/reset-link": admin(400),
  "GET /api/admin/users/:id/quota": admin(404),
  "PUT /api/admin/users/:id/quota": admin(400),
  "DELETE /api/admin/users/:id/quota": admin(400, 404),
  "GET /api/admin/quotas/default": admin(200),
  "PUT /api/admin/quotas/default": admin(400),
  "GET /api/admin/documents": admin(200),
  "POST /api/admin/documents/:id/end-run": admin(400),
  "PUT /api/admin/documents/:id/owner": admin(400),
  "DELETE /api/admin/documents/:id": admin(400),
  "GET /api/admin/audit": admin(200),
  "GET /api/admin/audit/export": admin(200),
  "GET /api/admin/health": admin(200),
  "GET /api/admin/models": admin(200),
  "POST /api/admin/models": admin(400),
  "DELETE /api/admin/models/:id": admin(400),
  "POST /api/admin/models/:id/default": admin(400),
  "POST /api/admin/models/:id/verify": admin(400),
  "POST /api/admin/models/jobs/:id/stop": admin(400),
  "POST /api/admin/models/jobs/:id/resume": admin(400),
  "DELETE /api/admin/models/jobs/:id": admin(404),
  "GET /api/models": [{ operation: "listModels", answers: [200] }],
  "GET /api/documents": [{ operation: "listDocuments", answers: [200] }],
  "POST /api/documents": [{ operation: "createDocument", answers: [400] }],
  "GET /api/documents/:id": [onDocument("read", 200)],
  "PATCH /api/documents/:id": [
    onDocument("write", 200, { title: "New" }),
    onDocument("archive", 200, { archived: false }),
    onDocument("changeSettings", 200, { editorsMayRun: false }),
  ],
  "GET /api/documents/:id/text": [onDocument("read", 200)],
  "GET /api/documents/:id/runs": [onDocument("read", 200)],
  "GET /api/documents/:id/versions": [onDocument("read", 200)],
  "POST /api/documents/:id/versions": [onDocument("write", 201, { label: "Mine" })],
  "GET /api/documents/:id/versions/:version/text": [onDocument("read", 200)],
  "POST /api/documents/:id/versions/:version/restore": [onDocument("restoreVersion", 200, {})],
  "GET /api/documents/:id/assignments": [onDocument("assign", 200)],
  "PUT /api/documents/:id/assignments": [
    onDocument("assign", 200, { email: "guest@matrix.test", role: "watcher" }),
  ],
  "DELETE /api/documents/:id/assignments/:userId": [
    { operation: "assign", path: { userId: "guest" }, body: {}, answers: [204] },
  ],
};

let prepared: PreparedStandings;
let app: TestApp;
let owner: Person;
/** A version of the document of each. */
const versions = new Map<Who, string>();

beforeAll(async () => {
  prepared = await prepareStandings();
  app = await startTestApp({ loadsModelAhead: true, config: { dataDir: prepared.dataDir } });
  owner = personWith(app.url, prepared.cookies.owner);
  for (const who of everyone) {
    const path = `/api/documents/${prepared.documentOf(who)}/versions`;
    const { version } = await owner.json<{ version: { id: string } }>("POST", path, { label: "V" });
    versions.set(who, version.id);
  }
});
afterAll(async () => {
  await app.close();
  await rm(prepared.dataDir, { recursive: true, force: true });
});

describe("A31: the table in shared/permissions.ts is the one of the design", () => {
  const active = Object.entries(standings).filter(([, { status }]) => status === "active");

  test.each(globalActions)("%s", (action) => {
    const computed = active.map(([who, { accountRole }]) => [
      who,
      mayGlobally(accountRole, action) ? "in" : 403,
    ]);
    expect(outcomes(action)).toMatchObject(Object.fromEntries(computed));
  });

  test.each(documentActions)("%s", (action) => {
    const computed = active.map(([who, { accountRole, documentRole }]) => {
      const standing = { accountRole, documentRole, editorsMayRun: false, archived: false };
      if (mayOnDocument(standing, action)) return [who, "in"];
      return [who, canSeeDocument(standing) ? 403 : 404];
    });
    expect(outcomes(action)).toMatchObject(Object.fromEntries(computed));
  });
});

test("A30: there is an example for every route, and no example without one", () => {
  const routes = app.routes.map(({ method, path }) => `${method} ${path}`);
  expect(
    routes.filter((route) => examples[route] === undefined),
    "add to `examples` what each asks for, by the design, and what it answers whoever may",
  ).toEqual([]);
  expect(Object.keys(examples).filter((route) => !routes.includes(route))).toEqual([]);
});

describe.each(everyone)("A31 A1 A2: %s", (who) => {
  test("HTTP", async () => {
    const person = personWith(app.url, prepared.cookies[who]);
    const [actual, expected] = [new Map<string, unknown>(), new Map<string, unknown>()];
    for (const route of app.routes) {
      const name = `${route.method} ${route.path}`;
      for (const example of examples[name] ?? []) {
        const outcome = outcomes(example.operation)[who];
        const asked = `${name} ${JSON.stringify(example.body) ?? ""}`;
        const { status } = await ask(person, who, route, example);
        const isIn = outcome === "in" && example.answers.includes(status);
        actual.set(asked, isIn ? "in" : status);
        expected.set(asked, outcome);
      }
    }
    expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expected));
  });

  test("Socket.IO", async () => {
    const socket = io(app.url, {
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
      extraHeaders: { cookie: prepared.cookies[who] },
    });
    const isLetIn = await new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("connect_error", () => resolve(false));
    });
    expect(isLetIn).toBe(outcomes("ownAccount")[who] === "in");
    const documentId = prepared.documentOf(who);
    for (const [event, { operation, input, answers }] of Object.entries(events)) {
      if (!isLetIn) break;
      const answer: unknown = await socket.emitWithAck(event, { documentId, ...input });
      const outcome = outcomes(operation)[who];
      expect(answer, event).toMatchObject(outcome === "in" ? answers : refusals[outcome]);
    }
    socket.disconnect();
  });

  test("sync: reading, writing, awareness", async () => {
    const read = outcomes("read")[who];
    const socket = await openSync(who);
    const isLetIn = read === "in";
    const actual: Record<string, Outcome> = {};
    for (const [kind, { tries }] of Object.entries(frames))
      actual[kind] = isLetIn ? await tries(socket, who) : await refusalOf(socket);
    const expected = Object.entries(frames).map(([kind, { operation }]) => [
      kind,
      outcomes(operation)[who],
    ]);
    expect(actual).toEqual(Object.fromEntries(expected));
    expect(socket.webSocket.readyState === socket.webSocket.OPEN).toBe(isLetIn);
    socket.close();
  });
});

test("A1: an editor runs where the owner lets editors run, and a watcher does not", async () => {
  const id = prepared.documentOf("editor");
  await owner.json("PATCH", `/api/documents/${id}`, { editorsMayRun: true });
  for (const who of ["editor", "sponsorAsEditor", "watcher"] as const) {
    const socket = personWith(app.url, prepared.cookies[who]).socket();
    const { input, answers } = events["run:start"];
    const answer: unknown = await socket.emitWithAck("run:start", { documentId: id, ...input });
    expect(answer, who).toMatchObject(who === "watcher" ? refusals[403] : answers);
    socket.disconnect();
  }
});

function ask(
  person: Person,
  who: Who,
  { method, path }: { method: string; path: string },
  example: Example,
): Promise<Response> {
  const isOnDocument = path.startsWith("/api/documents/");
  const places: Record<string, string | undefined> = {
    id: isOnDocument ? prepared.documentOf(who) : "nobody-there",
    version: versions.get(who),
    ...example.path,
  };
  const address = path
    .replace("{*path}", "sign-in")
    .replace(/:(\w+)/g, (_match, place: string) => places[place] ?? "");
  const body = method === "GET" ? undefined : (example.body ?? notAField);
  return person.request(method, address, body);
}

interface EventExample {
  operation: Operation;
  input: object;
  /** What it is answered with once it was let in. */
  answers: object;
}

const noRun = { ok: false, code: "illegal_transition" };
const events: Record<ClientEvent, EventExample> = {
  "document:join": { operation: "read", input: {}, answers: { ok: true } },
  "document:leave": { operation: "ownAccount", input: {}, answers: { ok: true } },
  "run:start": {
    operation: "generate",
    // A caret that is none: whoever may start a run is told so, and none begins.
    input: { at: "caret", caret: "AA==" },
    answers: { ok: false, code: "invalid" },
  },
  "run:pause": { operation: "steer", input: {}, answers: noRun },
  "run:resume": { operation: "steer", input: {}, answers: noRun },
  "run:stop": { operation: "stop", input: {}, answers: noRun },
  "run:tune": { operation: "generate", input: { sampling: { topK: 1 } }, answers: noRun },
};

const refusals = {
  401: { ok: false, code: "signed_out" },
  403: { ok: false, code: "forbidden" },
  404: { ok: false, code: "not_found" },
} as const;

test("A30: each event asks for what the design says", () => {
  for (const [event, permission] of Object.entries(eventPermissions)) {
    // Object.entries forgets the names of the events.
    const { operation } = events[event as ClientEvent];
    const declared = permission.kind === "document" ? permission.actions[0] : "ownAccount";
    expect(declared, event).toBe(operation);
  }
});

/** What a closed connection says of every frame. */
async function refusalOf(socket: RawSocket): Promise<Outcome> {
  const code = await socket.closed;
  if (code !== 4401 && code !== 4404) throw new Error(`closed with ${code}`);
  return code === 4401 ? 401 : 404;
}

interface FrameExample {
  operation: Operation;
  /** Sends one, and says whether it did what it does. */
  tries: (socket: RawSocket, who: Who) => Promise<Outcome>;
}

const frames: Record<ClientFrame["kind"], FrameExample> = {
  step1: {
    operation: "read",
    async tries(socket) {
      socket.send(step1Frame(Uint8Array.of(0)));
      await vi.waitFor(() => expect(lastOf(socket, "step2")).toBeDefined());
      return "in";
    },
  },
  queryAwareness: {
    operation: "read",
    async tries(socket) {
      await settled(socket);
      return "in";
    },
  },
  step2: { operation: "write", tries: (socket, who) => writes(socket, who, step2Frame) },
  update: { operation: "write", tries: (socket, who) => writes(socket, who, updateFrame) },
  awareness: {
    operation: "write",
    async tries(socket) {
      socket.send(awarenessFrame([{ clientId: 4_242, clock: 1, state: "{}" }]));
      const shown = await settled(socket);
      return shown.some(({ clientId }) => clientId === 4_242) ? "in" : 403;
    },
  },
};

/** Whether a word that is sent in such a frame comes into the text. */
async function writes(
  socket: RawSocket,
  who: Who,
  frame: (update: Uint8Array) => Uint8Array,
): Promise<Outcome> {
  const word = crypto.randomUUID();
  const before = socket.frames.length;
  socket.send(frame(updateOf((doc) => doc.getText("body").insert(0, word))));
  await settled(socket);
  const text = await (
    await owner.request("GET", `/api/documents/${prepared.documentOf(who)}/text`)
  ).text();
  const isSaved = () => socket.frames.slice(before).some((bytes) => bytes[0] === savedFrame(1)[0]);
  if (text.includes(word)) await vi.waitFor(() => expect(isSaved()).toBe(true));
  else expect(isSaved()).toBe(false);
  return text.includes(word) ? "in" : 403;
}

/** What was sent before is taken; who is in the document then. */
async function settled(socket: RawSocket) {
  const before = socket.frames.length;
  socket.send(step1Frame(Y.encodeStateVector(new Y.Doc())));
  await vi.waitFor(() => expect(lastOf(socket, "step2", before)).toBeDefined());
  socket.send(Uint8Array.of(3));
  return vi.waitFor(() => {
    const frame = lastOf(socket, "awareness", before);
    if (frame?.kind !== "awareness") throw new Error("not answered yet");
    return decodeAwareness(frame.payload);
  });
}

function lastOf(socket: RawSocket, kind: ClientFrame["kind"], after = 0): ClientFrame | undefined {
  return socket.frames
    .slice(after)
    .map(decodeFrame)
    .findLast((frame) => frame?.kind === kind);
}

function openSync(who: Who): Promise<RawSocket> {
  const address = `${app.url.replace("http", "ws")}/sync/${prepared.documentOf(who)}?ack=1`;
  return openRawSocket(address, prepared.cookies[who]);
}

import { once } from "node:events";
import { connect } from "node:net";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { DocumentSummary, User } from "#shared/http.ts";
import { clientEvents, type Refusal } from "#shared/socket-events.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";

let app: TestApp;
let sponsor: Person;
let editor: Person;
beforeAll(async () => {
  app = await startTestApp();
  [sponsor, editor] = await Promise.all([
    app.signIn("sponsor@demo.test"),
    app.signIn("editor@demo.test"),
  ]);
});
afterAll(() => app.close());

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.disconnect();
});

/** A socket without our types: what a stranger could send. */
async function connectAs(cookie: string, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = io(app.url, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    extraHeaders: { cookie, ...headers },
  });
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

function ask(socket: Socket, event: string, ...input: unknown[]): Promise<unknown> {
  return socket.timeout(15_000).emitWithAck(event, ...input);
}

/** What the next event of that name carries. */
function heard(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => socket.once(event, (...carried) => resolve(carried)));
}

async function createDocument(): Promise<string> {
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: "Text.",
  });
  return document.id;
}

async function assign(id: string, role: "editor" | "watcher"): Promise<void> {
  await sponsor.json("PUT", `/api/documents/${id}/assignments`, {
    email: "editor@demo.test",
    role,
  });
}

describe("connecting", () => {
  test("needs a session", async () => {
    await expect(connectAs("")).rejects.toMatchObject({ data: { code: "signed_out" } });
    await expect(connectAs("palimpsest=forged")).rejects.toMatchObject({
      data: { code: "signed_out" },
    });
  });

  test("A5: a page of another origin is refused; our own, and a program without one, are not", async () => {
    await expect(connectAs(sponsor.cookie, { origin: "https://evil.example" })).rejects.toThrow(
      "websocket error",
    );
    await expect(connectAs(sponsor.cookie, { origin: "null" })).rejects.toThrow("websocket error");
    expect((await connectAs(sponsor.cookie, { origin: app.url })).connected).toBe(true);
    expect((await connectAs(sponsor.cookie)).connected).toBe(true);
  });

  test("signing out ends the session's sockets and no others", async () => {
    const leaving = await app.signIn("editor@demo.test");
    const [socket, staying] = [await connectAs(leaving.cookie), await connectAs(editor.cookie)];
    const copy = leaving.open(await createDocument());
    const disconnected = heard(socket, "disconnect");
    await leaving.request("POST", "/api/sign-out");
    expect(await disconnected).toContain("io server disconnect");
    expect(staying.connected).toBe(true);
    copy.close();
  });
});

describe("events", () => {
  let socket: Socket;
  let id: string;
  beforeEach(async () => {
    socket = await connectAs(sponsor.cookie);
    id = await createDocument();
  });

  test("joining answers with the role and the run", async () => {
    expect(await ask(socket, "document:join", { documentId: id })).toEqual({
      ok: true,
      role: "owner",
      run: null,
    });
    expect(await ask(socket, "document:leave", { documentId: id })).toEqual({ ok: true });
  });

  test("a run's tokens come to who joined, not to who joined without them", async () => {
    const page = await connectAs(sponsor.cookie);
    await ask(socket, "document:join", { documentId: id });
    // Joining again takes them back.
    await ask(page, "document:join", { documentId: id });
    await ask(page, "document:join", { documentId: id, tokens: false });
    let declined = 0;
    page.on("run:tokens", () => declined++);
    const ended = new Promise<void>((resolve) =>
      page.on("run:state", ({ run }) => run.state === "finished" && resolve()),
    );
    const tokens = heard(socket, "run:tokens");
    const start = { documentId: id, sampling: { maxTokens: 20, seed: 1 } };
    expect(await ask(socket, "run:start", start)).toMatchObject({ ok: true });
    expect(await tokens).toMatchObject([{ documentId: id }]);
    await ended;
    expect(declined).toBe(0);
  });

  test("A2: a document that is not shared looks missing", async () => {
    const stranger = await connectAs(editor.cookie);
    for (const documentId of [id, "none", "a\0b", "../x"])
      for (const event of ["document:join", "run:start", "run:pause", "run:stop"])
        expect(await ask(stranger, event, { documentId }), event).toMatchObject({
          ok: false,
          code: "not_found",
        });
  });

  test("A1: a watcher joins and commands nothing", async () => {
    await assign(id, "watcher");
    const watcher = await connectAs(editor.cookie);
    expect(await ask(watcher, "document:join", { documentId: id })).toMatchObject({
      ok: true,
      role: "watcher",
    });
    for (const event of ["run:start", "run:pause", "run:resume", "run:stop"])
      expect(await ask(watcher, event, { documentId: id }), event).toMatchObject({
        ok: false,
        code: "forbidden",
      });
  });

  test.each(Object.keys(clientEvents))(
    "A6: %s refuses what its schema does not know",
    async (event) => {
      const nonsense: unknown[][] = [
        [],
        [null],
        [7],
        ["text"],
        [[]],
        [{}],
        [{ documentId: 7 }],
        [{ documentId: "" }],
        [{ documentId: id, colour: "red" }],
        [{ documentId: id }, { documentId: id }],
        [{ documentId: { toString: "x" } }],
        [Buffer.from([1, 2, 3])],
      ];
      for (const input of nonsense) {
        const answer = (await ask(socket, event, ...input)) as Refusal;
        expect(answer, JSON.stringify(input)).toMatchObject({ ok: false, code: "invalid" });
        expect(answer.message.length).toBeGreaterThan(5);
      }
    },
  );

  test("A6: the refusal names the field", async () => {
    const answer = await ask(socket, "run:start", {
      documentId: id,
      sampling: { temperature: 9 },
    });
    expect(answer).toMatchObject({
      code: "invalid",
      details: { field: expect.stringContaining("temperature") },
    });
  });

  test("A6: an unknown event is answered, whatever its name", async () => {
    for (const event of ["run:fly", "toString", "__proto__", "constructor", "error", "message"])
      expect(await ask(socket, event, { documentId: id }), event).toMatchObject({
        ok: false,
        code: "invalid",
      });
  });

  test("what cannot be answered does not bring the connection down", async () => {
    socket.emit("run:fly");
    socket.emit("run:start");
    socket.emit("run:start", null, "not a function");
    socket.emit("document:join", { documentId: id }, {});
    socket.emit("error", { message: "boom" });
    expect(await ask(socket, "document:join", { documentId: id })).toMatchObject({ ok: true });
  });

  test("too many at once are refused, and the rest are answered", async () => {
    const answers = (await Promise.all(
      Array.from({ length: 200 }, () => ask(socket, "document:join", { documentId: id })),
    )) as ({ ok: true } | Refusal)[];
    const refused = answers.filter((answer) => !answer.ok);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(200);
    for (const refusal of refused) expect(refusal).toMatchObject({ code: "too_many" });
    expect(await ask(socket, "document:join", { documentId: id })).toMatchObject({ ok: true });
  });

  test("a packet larger than any event closes that connection, not the server", async () => {
    const closed = heard(socket, "disconnect");
    socket.emit("document:join", { documentId: "x".repeat(1_000_000) });
    await closed;
    const again = await connectAs(sponsor.cookie);
    expect(await ask(again, "document:join", { documentId: id })).toMatchObject({ ok: true });
  });
});

describe("S8: access that changes", () => {
  test("is told to who joined, and takes the document away", async () => {
    const id = await createDocument();
    await assign(id, "editor");
    const { user } = await editor.json<{ user: User }>("GET", "/api/me");
    const socket = await connectAs(editor.cookie);
    await ask(socket, "document:join", { documentId: id });

    const demoted = heard(socket, "document:access");
    await assign(id, "watcher");
    expect(await demoted).toEqual([{ documentId: id, role: "watcher" }]);

    const removed = heard(socket, "document:access");
    await sponsor.request("DELETE", `/api/documents/${id}/assignments/${user.id}`);
    expect(await removed).toEqual([{ documentId: id, role: null }]);
    expect(await ask(socket, "document:join", { documentId: id })).toMatchObject({
      code: "not_found",
    });
  });

  test("reaches the lists of the people on the document", async () => {
    const id = await createDocument();
    const socket = await connectAs(editor.cookie);
    const assigned = heard(socket, "documents:changed");
    await assign(id, "watcher");
    const changed = { documentId: id, onlyRun: false };
    expect(await assigned).toEqual([changed]);

    const owners = await connectAs(sponsor.cookie);
    const renamed = [heard(socket, "documents:changed"), heard(owners, "documents:changed")];
    await sponsor.json("PATCH", `/api/documents/${id}`, { title: "Renamed" });
    expect(await Promise.all(renamed)).toEqual([[changed], [changed]]);
  });
});

describe("one port", () => {
  /** The first line of the answer to an upgrade. */
  async function upgrade(path: string, headers: string[] = []): Promise<string> {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${hostname}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const [bytes] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    return bytes.toString().split("\r\n")[0] ?? "";
  }

  test("refuses upgrades that are nobody's, and sync for another origin", async () => {
    expect(await upgrade("/elsewhere")).toBe("HTTP/1.1 404 Not Found");
    expect(await upgrade("/")).toBe("HTTP/1.1 404 Not Found");
    expect(await upgrade("/sync/x", ["Origin: https://evil.example"])).toBe(
      "HTTP/1.1 403 Forbidden",
    );
    expect(await upgrade("/sync/x", [`Origin: ${app.url}`])).toBe(
      "HTTP/1.1 101 Switching Protocols",
    );
  });

  async function closeCode(path: string, cookie: string): Promise<unknown> {
    const address = `${app.url.replace("http", "ws")}${path}`;
    const [code] = await once(new WebSocket(address, { headers: { cookie } }), "close");
    return code;
  }

  test("accepts sync to close it with a code that y-websocket understands", async () => {
    const id = await createDocument();
    expect(await closeCode(`/sync/${id}`, "")).toBe(4401);
    expect(await closeCode(`/sync/${id}?account=other`, sponsor.cookie)).toBe(4401);
    expect(await closeCode(`/sync/${id}?epoch=9`, sponsor.cookie)).toBe(4409);
    for (const path of [`/sync/${id}`, "/sync/none", "/sync/", "/sync/%E0%A4%A", "/sync/a%00b"])
      expect(await closeCode(path, editor.cookie), path).toBe(4404);
  });

  test("a connection that breaks off during the upgrade does no harm", async () => {
    const { hostname, port } = new URL(app.url);
    for (let round = 0; round < 20; round++) {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      socket.write(
        "GET /sync/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
      socket.resetAndDestroy();
    }
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
  });
});

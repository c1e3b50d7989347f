import { once } from "node:events";
import { io, type Socket } from "socket.io-client";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { errorBodySchema } from "#shared/errors.ts";
import type { DocumentSummary } from "#shared/http.ts";
import { throttleLimits } from "../../server/http/throttle-limits.ts";
import { socketLimits } from "../../server/sockets/socket-limits.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { demonstrationPassword, type Person } from "../support/person.ts";

let app: TestApp;
const sockets: Socket[] = [];
const lines: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  for (const line of lines.splice(0)) line.terminate();
  await app.close();
});

async function open(limits: Parameters<typeof startTestApp>[0] = {}): Promise<void> {
  app = await startTestApp(limits);
}

const withHttp = (changes: Partial<typeof throttleLimits>) =>
  open({ limits: { http: { ...throttleLimits, ...changes } } });

const withSockets = (changes: Partial<typeof socketLimits>) =>
  open({ limits: { sockets: { ...socketLimits, ...changes } } });

function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${app.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: app.url, ...headers },
    body: JSON.stringify(body),
  });
}

function signIn(email: string, password: string, headers: Record<string, string> = {}) {
  return post("/api/sign-in", { email, password }, headers);
}

async function statuses(count: number, attempt: (index: number) => Promise<Response>) {
  const seen: number[] = [];
  for (let index = 0; index < count; index++) seen.push((await attempt(index)).status);
  return seen;
}

const all = (count: number, status: number) => Array.from({ length: count }, () => status);

/** A refusal as the page shows it. */
async function expectTooMany(answer: Response, mostSeconds: number): Promise<void> {
  expect(answer.status).toBe(429);
  const seconds = Number(answer.headers.get("retry-after"));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(mostSeconds);
  const { error } = errorBodySchema.parse(await answer.json());
  expect(error.code).toBe("too_many");
  expect(error.message).toMatch(/^[A-Z][^.]+\. (.*)Try again in \d+ (seconds?|minutes|hours)\.$/);
}

test("A20: the eleventh attempt within fifteen minutes is 429 with Retry-After, with the right password too", async () => {
  await open();
  const known = "sponsor@demo.test";
  expect(await statuses(10, () => signIn(known, "wrong"))).toEqual(all(10, 401));
  await expectTooMany(await signIn(known, demonstrationPassword), 900);
  expect((await signIn("editor@demo.test", demonstrationPassword)).status).toBe(200);
});

test("A20: an email that nobody has is counted like one that somebody has", async () => {
  await open();
  expect(await statuses(10, () => signIn("nobody@demo.test", "wrong"))).toEqual(all(10, 401));
  await expectTooMany(await signIn("nobody@demo.test", "wrong"), 900);
});

test("A20: X-Forwarded-For from whoever is no trusted proxy makes no other address", async () => {
  await open();
  const from = (index: number) => ({ "x-forwarded-for": `203.0.113.${index}` });
  await statuses(10, (index) => signIn("sponsor@demo.test", "wrong", from(index)));
  expect((await signIn("sponsor@demo.test", demonstrationPassword, from(99))).status).toBe(429);
});

test("A20: behind a trusted proxy each client is an address of its own, and cannot choose another", async () => {
  await open({ config: { trustedProxies: ["loopback"] } });
  const forged = (index: number) => ({ "x-forwarded-for": `203.0.113.${index}, 198.51.100.7` });
  await statuses(10, (index) => signIn("sponsor@demo.test", "wrong", forged(index)));
  expect((await signIn("sponsor@demo.test", demonstrationPassword, forged(99))).status).toBe(429);
  const elsewhere = { "x-forwarded-for": "198.51.100.8" };
  expect((await signIn("sponsor@demo.test", demonstrationPassword, elsewhere)).status).toBe(200);
});

test("A21: while an account is guessed at from everywhere, its owner signs in from where he did before", async () => {
  await open({
    config: { trustedProxies: ["loopback"] },
    limits: {
      http: {
        ...throttleLimits,
        wrongPasswordsForAccount: { count: 12, seconds: 3600 },
        strangersForAccount: { count: 1, seconds: 3600 },
      },
    },
  });
  const from = (address: string) => ({ "x-forwarded-for": address });
  const home = from("2001:db8:7::1");
  expect((await signIn("sponsor@demo.test", demonstrationPassword, home)).status).toBe(200);
  const guesses = await statuses(20, (index) =>
    signIn("sponsor@demo.test", "wrong", from(`203.0.113.${index}`)),
  );
  expect(guesses).toEqual([...all(13, 401), ...all(7, 429)]);
  const sameHousehold = from("2001:db8:7::beef");
  expect((await signIn("sponsor@demo.test", demonstrationPassword, sameHousehold)).status).toBe(
    200,
  );
});

test("A21: requests that hash passwords wait in a line that has an end, and the rest of the server goes on", async () => {
  await withHttp({ hashing: { atOnce: 1, waitingInLine: 5, waiting: 100 } });
  const seen = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => (await signIn(`p${index}@x.test`, "x")).status),
  );
  expect(new Set(seen)).toEqual(new Set([401, 503]));
  expect(seen.filter((status) => status === 401).length).toBeGreaterThanOrEqual(6);
  expect((await signIn("sponsor@demo.test", demonstrationPassword)).status).toBe(200);
});

test("A21: asking to join, asking for a link and trying a link are counted by address", async () => {
  await withHttp({
    signUpsFromAddress: { count: 2, seconds: 60 },
    resetRequestsForEmail: { count: 2, seconds: 60 },
    resetRequestsFromAddress: { count: 4, seconds: 60 },
    resetLinksFromAddress: { count: 2, seconds: 60 },
  });
  const signUp = (index: number) =>
    post("/api/sign-up", {
      email: `new${index}@x.test`,
      name: "New",
      role: "editor",
      password: "a long sentence of mine",
    });
  expect(await statuses(2, signUp)).toEqual([202, 202]);
  await expectTooMany(await signUp(3), 60);

  for (const email of ["sponsor@demo.test", "nobody@demo.test"]) {
    const ask = () => post("/api/password-resets", { email });
    expect(await statuses(2, ask)).toEqual([202, 202]);
    await expectTooMany(await ask(), 60);
  }
  await expectTooMany(await post("/api/password-resets", { email: "third@demo.test" }), 60);

  const use = () =>
    post("/api/password-resets/use", { token: "guess", password: "a long sentence of mine" });
  for (const status of await statuses(2, use)) expect(status).toBeLessThan(429);
  await expectTooMany(await use(), 60);
});

test("A21: a stolen session does not guess the password behind it", async () => {
  await withHttp({ wrongConfirmations: { count: 3, seconds: 60 } });
  const sponsor = await app.signIn("sponsor@demo.test");
  const change = (current: string) =>
    sponsor.request("POST", "/api/account/password", { current, password: "a long new sentence" });
  expect(await statuses(3, () => change("wrong"))).toEqual(all(3, 403));
  await expectTooMany(await change(demonstrationPassword), 60);
});

test("A22: requests are counted by account, and before that by address", async () => {
  await withHttp({
    requestsOfAccount: { count: 5, seconds: 60 },
    requestsFromAddress: { count: 30, seconds: 60 },
  });
  const sponsor = await app.signIn("sponsor@demo.test");
  const again = await app.signIn("sponsor@demo.test");
  const editor = await app.signIn("editor@demo.test");
  expect(await statuses(5, () => sponsor.request("GET", "/api/me"))).toEqual(all(5, 200));
  await expectTooMany(await again.request("GET", "/api/me"), 60);
  expect((await editor.request("GET", "/api/me")).status).toBe(200);
  const anybody = await statuses(30, () => fetch(`${app.url}/api/me`));
  expect(anybody.slice(0, 20)).toEqual(all(20, 401));
  expect(anybody.at(-1)).toBe(429);
  expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
});

async function connect(person: Person, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = io(app.url, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    extraHeaders: { cookie: person.cookie, ...headers },
  });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
    socket.once("disconnect", (reason) => reject(new Error(reason)));
  });
  return socket;
}

test("A22: an account has so many Socket.IO connections, and one that goes makes room", async () => {
  await withSockets({ connectionsOfAccount: 2 });
  const sponsor = await app.signIn("sponsor@demo.test");
  const first = await connect(sponsor);
  await connect(sponsor);
  await expect(connect(sponsor)).rejects.toMatchObject({
    data: { code: "too_many", message: expect.any(String), details: { retryAfterMs: 10_000 } },
  });
  await connect(await app.signIn("editor@demo.test"));
  first.disconnect();
  await vi.waitFor(async () => expect((await connect(sponsor)).connected).toBe(true));
});

test("A22: an address has so many connections of each kind, signed in or not", async () => {
  await withSockets({ connectionsFromAddress: 2 });
  const sponsor = await app.signIn("sponsor@demo.test");
  const first = await connect(sponsor);
  await connect(await app.signIn("editor@demo.test"));
  await expect(connect(await app.signIn("sponsor2@demo.test"))).rejects.toThrow("transport close");
  first.disconnect();
  await vi.waitFor(async () => expect((await connect(sponsor)).connected).toBe(true));
});

async function newDocument(person: Person): Promise<string> {
  const { document } = await person.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: "Text.",
  });
  return document.id;
}

/** The code that a connection to sync is closed with, or "open" once it is served. */
async function sync(id: string, cookie: string): Promise<{ line: WebSocket; outcome: unknown }> {
  const line = new WebSocket(`${app.url.replace("http", "ws")}/sync/${id}`, {
    headers: { cookie },
  });
  lines.push(line);
  const outcome = await Promise.race([
    once(line, "message").then(() => "open"),
    once(line, "close").then(([code]: unknown[]) => code),
  ]);
  return { line, outcome };
}

test.each([
  ["an account", { connectionsOfAccount: 2 }],
  ["an address", { connectionsFromAddress: 2 }],
])(
  "A22: %s has so many connections to sync; one too many is accepted and closed with 1013",
  async (_whose, limits) => {
    await withSockets(limits);
    const sponsor = await app.signIn("sponsor@demo.test");
    const id = await newDocument(sponsor);
    const first = await sync(id, sponsor.cookie);
    expect(first.outcome).toBe("open");
    expect((await sync(id, sponsor.cookie)).outcome).toBe("open");
    expect((await sync(id, sponsor.cookie)).outcome).toBe(1013);
    first.line.close();
    await vi.waitFor(async () => expect((await sync(id, sponsor.cookie)).outcome).toBe("open"));
  },
);

test("A22: more events than people send are answered too_many with when to come again; a flood ends the connection", async () => {
  await withSockets({
    events: { most: 5, perSecond: 0.1 },
    refusedEvents: { most: 10, perSecond: 0.1 },
  });
  const sponsor = await app.signIn("sponsor@demo.test");
  const [documentId, socket] = [await newDocument(sponsor), await connect(sponsor)];
  const join = async (): Promise<unknown> =>
    socket.timeout(15_000).emitWithAck("document:join", { documentId });
  for (let count = 0; count < 5; count++) expect(await join()).toMatchObject({ ok: true });
  const refusal = { ok: false, code: "too_many", details: { retryAfterMs: expect.any(Number) } };
  for (let count = 0; count < 10; count++) expect(await join()).toMatchObject(refusal);
  const ended = new Promise((resolve) => socket.once("disconnect", resolve));
  socket.emit("document:join", { documentId });
  expect(await ended).toBe("io server disconnect");
  const again = await connect(sponsor);
  expect(await again.emitWithAck("document:join", { documentId })).toMatchObject({ ok: true });
});

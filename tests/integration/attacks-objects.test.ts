import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StartRunInput } from "#shared/socket-events.ts";
import { parseGpt2Config } from "../../server/model-library/gpt2-config.ts";
import { awarenessFrame, decodeAwareness, decodeFrame } from "../../server/sync/frames.ts";
import { type AttackDesk, openAttackDesk } from "../support/attack-desk.ts";
import { openRawSocket } from "../support/raw-socket.ts";
import {
  addressOf,
  bodiless,
  nameOf,
  personFor,
  sendText,
  validBodies,
} from "../support/route-requests.ts";

let desk: AttackDesk;
beforeAll(async () => {
  desk = await openAttackDesk();
});
afterAll(() => desk.close());

/** Every route that reads a body, with one that it takes. */
function readingRoutes() {
  return desk.app.routes
    .filter((route) => validBodies[nameOf(route)] !== undefined)
    .map((route) => ({ ...route, valid: validBodies[nameOf(route)] ?? {} }));
}

/** Of an answer what a refusal has: 400 and an error that says so. */
async function refusalOf(answer: Response): Promise<[number, boolean]> {
  const text = await answer.text();
  return [answer.status, text.includes('"error"')];
}

test("every route that changes something is among those attacked here", () => {
  const changing = desk.app.routes.filter(({ method }) => method !== "GET").map(nameOf);
  expect([...Object.keys(validBodies), ...bodiless].sort()).toEqual(changing.sort());
});

describe("A37: prototype pollution", () => {
  const polluting = [
    '"__proto__":{"polluted":true}',
    '"__proto__":{"role":"admin","status":"active"}',
    '"constructor":{"prototype":{"polluted":true}}',
    '"prototype":{"polluted":true}',
    '"toString":"polluted"',
    '"hasOwnProperty":true',
  ];

  test.each(polluting)("%s is no field of any body", async (field) => {
    for (const { valid, ...route } of readingRoutes()) {
      const rest = JSON.stringify(valid).slice(1, -1);
      const body = `{${rest === "" ? field : `${rest},${field}`}}`;
      expect([nameOf(route), ...(await refusalOf(await sendText(desk, route, body)))]).toEqual([
        nameOf(route),
        400,
        true,
      ]);
    }
    expectClean();
  });

  test.each([
    "__proto__=1",
    "__proto__[polluted]=1",
    "constructor[prototype][polluted]=1",
    "constructor=1",
    "search[__proto__][polluted]=1",
    "toString=1",
  ])("%s is no parameter of any list", async (query) => {
    for (const list of ["users", "documents", "audit", "audit/export"])
      expect([
        list,
        ...(await refusalOf(await desk.admin.request("GET", `/api/admin/${list}?${query}`))),
      ]).toEqual([list, 400, true]);
    for (const { path } of desk.app.routes.filter(({ method }) => method === "GET")) {
      const address = path === "/{*path}" ? "/" : addressOf(desk, path);
      const answer = await personFor(desk, path).request("GET", `${address}?${query}`);
      await answer.arrayBuffer();
      expect(answer.status).toBeLessThan(500);
    }
    expectClean();
  });

  test.each(polluting)("%s is no field of any event, and none of its sampling", async (field) => {
    const socket = desk.sponsor.socket();
    const { documentId } = desk;
    const attacks = [
      ["document:join", `{"documentId":"${documentId}",${field}}`],
      ["run:start", `{"documentId":"${documentId}",${field}}`],
      ["run:start", `{"documentId":"${documentId}","sampling":{${field}}}`],
      ["run:tune", `{"documentId":"${documentId}","sampling":{"temperature":1,${field}}}`],
    ] as const;
    for (const [event, input] of attacks) {
      // Whatever it is: the server is to find that out.
      const parsed = JSON.parse(input) as StartRunInput & { sampling: object };
      expect(await socket.emitWithAck(event, parsed)).toMatchObject({ ok: false, code: "invalid" });
    }
    socket.close();
    expectClean();
  });

  test("a presence with such keys is shown without them", async () => {
    const address = `${desk.app.url.replace(/^http/, "ws")}/sync/${desk.documentId}`;
    const reader = await openRawSocket(address, desk.sponsor.cookie);
    const writer = await openRawSocket(address, desk.editor.cookie);
    const state = `{"cursor":null,${polluting.join(",")}}`;
    writer.send(awarenessFrame([{ clientId: 4711, clock: 1, state }]));
    const shown = () =>
      reader.frames
        .map(decodeFrame)
        .flatMap((frame) => (frame?.kind === "awareness" ? decodeAwareness(frame.payload) : []))
        .find(({ clientId }) => clientId === 4711)?.state;
    await expect.poll(shown).toContain('"user"');
    expect(shown()).not.toMatch(/__proto__|constructor|"prototype"|"status"/);
    reader.close();
    writer.close();
    expectClean();
  });

  test("a model's config.json takes nothing from its prototype", () => {
    const sizes = '"vocab_size":512,"n_positions":64,"n_embd":64,"n_layer":1,"n_head":8';
    const end = '"model_type":"gpt2","eos_token_id":0';
    expect(
      parseGpt2Config(`{${sizes},${end},"__proto__":{"tie_word_embeddings":false}}`),
    ).toMatchObject({
      tiedEmbeddings: true,
    });
    expect(() => parseGpt2Config(`{${end},"__proto__":{${sizes}}}`)).toThrow("config.json");
    expectClean();
  });
});

function expectClean(): void {
  const bare: Record<string, unknown> = {};
  expect([bare.polluted, bare.role, bare.status]).toEqual([undefined, undefined, undefined]);
  expect(Object.keys(Object.prototype)).toEqual([]);
}

describe("A37: mass assignment", () => {
  const fields: Record<string, unknown> = {
    id: "another",
    role: "admin",
    status: "active",
    owner: "another",
    ownerId: "another",
    owner_id: "another",
    access_epoch: 0,
    accessEpoch: 0,
    password_hash: "-",
    totp_secret: "-",
    totp: true,
    email: "another@attack.test",
    editorsMayRun: true,
    archived: true,
    restoreEpoch: 0,
    head_seq: 0,
    createdAt: "2020-01-01",
    deleted_at: null,
    actor_id: "another",
    usedToday: 0,
  };
  /** What a route is for, though it looks like an attack; their rules are tried elsewhere. */
  const meant: Readonly<Record<string, readonly string[]>> = {
    "PATCH /api/account": ["email"],
    "PATCH /api/documents/:id": ["archived", "editorsMayRun"],
    "POST /api/sign-in": ["totp"],
    "POST /api/password-resets/use": ["totp"],
    "DELETE /api/account": ["totp"],
    "POST /api/account/totp": ["totp"],
    "DELETE /api/account/totp": ["totp"],
    "POST /api/account/recovery-codes": ["totp"],
  };

  test.each(Object.keys(fields))("%s is set by nobody who is not asked for it", async (field) => {
    for (const { valid, ...route } of readingRoutes()) {
      const name = nameOf(route);
      if (field in valid || meant[name]?.includes(field)) continue;
      const answer = await sendText(
        desk,
        route,
        JSON.stringify({ ...valid, [field]: fields[field] }),
      );
      expect([name, answer.status, await answer.json()]).toEqual([
        name,
        400,
        expect.objectContaining({ error: expect.objectContaining({ details: { field } }) }),
      ]);
    }
  });

  test("asking to join, nobody asks for admin", async () => {
    const body = { ...validBodies["POST /api/sign-up"], role: "admin" };
    const route = { method: "POST", path: "/api/sign-up" };
    expect((await sendText(desk, route, JSON.stringify(body))).status).toBe(400);
  });

  test("an editor lets no editors run, archives nothing and makes nobody a colleague", async () => {
    const path = `/api/documents/${desk.documentId}`;
    for (const body of [
      { editorsMayRun: true },
      { archived: true },
      { title: "Mine", archived: true },
      { title: "Mine", editorsMayRun: true },
    ])
      expect((await desk.editor.request("PATCH", path, body)).status).toBe(403);
    const watcher = { email: "sponsor2@demo.test", role: "editor" };
    expect((await desk.editor.request("PUT", `${path}/assignments`, watcher)).status).toBe(403);
    const owner = { email: "editor@demo.test", role: "owner" };
    expect((await desk.sponsor.request("PUT", `${path}/assignments`, owner)).status).toBe(400);
  });
});

describe("A37: JSON that is none, or too much of it", () => {
  const deep = 30_000;
  const bodies: Record<string, string | Uint8Array<ArrayBuffer>> = {
    nothing: " ",
    "half of it": '{"title":',
    "garbage after its end": '{"title":"T"}]',
    "two of it": '{"title":"T"}{"title":"U"}',
    "a comment": '{"title":"T"/* */}',
    "a comma too many": '{"title":"T",}',
    "single quotes": "{'title':'T'}",
    "a name twice, the second one unusable": '{"title":"T","title":7}',
    "arrays in each other": `${"[".repeat(deep)}${"]".repeat(deep)}`,
    "objects in each other": `${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}`,
    "a title in itself": `{"title":${"[".repeat(deep)}${"]".repeat(deep)}}`,
    "a number beyond all": '{"title":1e999999}',
    "a number of many digits": `{"title":${"9".repeat(50_000)}}`,
    "not a number": '{"title":NaN}',
    "a string": '"title"',
    "a number": "7",
    null: "null",
    true: "true",
    "bytes that are no UTF-8": new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    "five thousand fields": `{${Array.from({ length: 5_000 }, (_, n) => `"${n}":1`).join()}}`,
    "an array for a string": '{"title":["T"],"email":["a"],"name":["N"],"role":["editor"]}',
    "an object for a string": '{"title":{"$ne":""},"email":{"$gt":""},"password":{"$gt":""}}',
  };

  test.each(Object.keys(bodies))("%s is 400 at every route that reads", async (what) => {
    for (const { method, path } of readingRoutes()) {
      const answer = await sendText(desk, { method, path }, bodies[what] ?? "");
      const name = `${method} ${path}`;
      expect([name, ...(await refusalOf(answer))]).toEqual([name, 400, true]);
    }
  });

  test("more than a route takes is 413, also where it comes packed", async () => {
    const long = JSON.stringify({ title: "T".repeat(3_000_000) });
    const packed = new Uint8Array(gzipSync(JSON.stringify({ title: "T".repeat(50_000_000) })));
    for (const { method, path } of readingRoutes()) {
      const route = { method, path };
      const statuses = [
        (await sendText(desk, route, long)).status,
        (await sendText(desk, route, packed, { "content-encoding": "gzip" })).status,
      ];
      expect([nameOf({ ...route, permission: undefined }), ...statuses]).toEqual([
        `${method} ${path}`,
        413,
        413,
      ]);
    }
  });

  test.each([
    ["content-encoding", "gzip"],
    ["content-encoding", "br"],
    ["content-encoding", "unheard-of"],
    ["content-type", "application/json; charset=utf-99"],
    ["content-type", "application/json; charset=utf-7"],
    ["content-type", "text/json"],
  ])("%s: %s is refused where the body is not that", async (header, value) => {
    const route = { method: "POST", path: "/api/documents" };
    const answer = await sendText(desk, route, '{"title":"T","colour":1}', { [header]: value });
    expect([400, 415]).toContain(answer.status);
  });

  test("a byte order mark hides nothing from the checks", async () => {
    const route = { method: "POST", path: "/api/documents" };
    const answer = await sendText(desk, route, '\uFEFF{"title":"T","role":"admin"}');
    expect(answer.status).toBe(400);
  });

  test.each(["\0", "a\0b", "\ud800", "x".repeat(10_000), "\u202e"])(
    "%j as an id in a body or an event is nobody's",
    async (id) => {
      const many = { method: "POST", path: "/api/admin/users/approve" };
      expect((await sendText(desk, many, JSON.stringify({ ids: [id] }))).status).toBeLessThan(500);
      const copy = { method: "POST", path: "/api/documents" };
      const copied = await sendText(desk, copy, JSON.stringify({ title: "T", copyOf: id }));
      expect([400, 404]).toContain(copied.status);
      const purged = await desk.admin.request("DELETE", `/api/admin/documents/${desk.documentId}`, {
        title: id,
      });
      expect([400, 409]).toContain(purged.status);
      const socket = desk.sponsor.socket();
      for (const event of ["document:join", "run:start", "run:stop"] as const) {
        const answer = await socket.emitWithAck(event, { documentId: id });
        expect(["not_found", "invalid"]).toContain(answer.ok ? "" : answer.code);
      }
      socket.close();
    },
  );

  test.each([
    "from=1970-01-01",
    "to=2999-12-31",
    "from=2999-12-31&to=1970-01-01",
    "page=0x10",
    "page=100000",
    "page=1e3",
    "search=%00",
    "search=%ED%A0%80",
  ])("the list of events stands %s", async (query) => {
    expect((await desk.admin.request("GET", `/api/admin/audit?${query}`)).status).toBe(200);
  });

  test.each([
    "page=1&page=2",
    "search=a&search=b",
    "page=Infinity",
    "from=0000-01-01",
    "to=9999-12-31",
    "page=1.5",
    "page=-1",
    "from=+010000-01-01",
  ])("the list of events refuses %s", async (query) => {
    expect((await desk.admin.request("GET", `/api/admin/audit?${query}`)).status).toBe(400);
  });
});

test("afterwards nothing has changed, and nothing failed", async () => {
  expect(desk.logged.filter((line) => line.includes("request failed"))).toEqual([]);
  const kept = await desk.readKept();
  expect(kept.users.map(({ email, role, status }) => [email, role, status])).toEqual([
    ["admin@demo.test", "admin", "active"],
    ["editor@demo.test", "editor", "active"],
    ["sponsor2@demo.test", "sponsor", "active"],
    ["sponsor@demo.test", "sponsor", "active"],
  ]);
  expect(kept.documents).toMatchObject([{ title: "Attacked", archived_at: null, purge_at: null }]);
  expect(kept.assignments.filter(({ revoked_at }) => revoked_at === null)).toHaveLength(2);
  expect(kept.settings.filter(({ editors_may_run }) => editors_may_run)).toEqual([]);
  expect(kept.quotas).toEqual([]);
});

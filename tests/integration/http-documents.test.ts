import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ErrorBody } from "#shared/errors.ts";
import type { Assignment, DocumentSummary, User, Version } from "#shared/http.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type Person, whenText } from "../support/person.ts";

let app: TestApp;
let sponsor: Person;
let other: Person;
let editor: Person;
let admin: Person;
beforeAll(async () => {
  app = await startTestApp();
  [sponsor, other, editor, admin] = await Promise.all([
    app.signIn("sponsor@demo.test"),
    app.signIn("sponsor2@demo.test"),
    app.signIn("editor@demo.test"),
    app.signIn("admin@demo.test"),
  ]);
});
afterAll(() => app.close());

async function createDocument(input: { title: string; body?: string }): Promise<DocumentSummary> {
  const answer = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", input);
  return answer.document;
}

async function get(person: Person, id: string): Promise<DocumentSummary> {
  const answer = await person.json<{ document: DocumentSummary }>("GET", `/api/documents/${id}`);
  return answer.document;
}

async function listed(person: Person, id: string): Promise<DocumentSummary | undefined> {
  const { documents } = await person.json<{ documents: DocumentSummary[] }>(
    "GET",
    "/api/documents",
  );
  return documents.find((document) => document.id === id);
}

async function textOf(person: Person, id: string): Promise<string> {
  return (await person.request("GET", `/api/documents/${id}/text`)).text();
}

function assign(person: Person, id: string, input: unknown): Promise<Response> {
  return person.request("PUT", `/api/documents/${id}/assignments`, input);
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as ErrorBody).error.code;
}

describe("a document", () => {
  test("is made with its text, and its maker owns it", async () => {
    const document = await createDocument({
      title: "  The River House ",
      body: "The river rose all night.\n\nThe house stood.",
    });
    expect(document.id).toMatch(/^[\w-]{16,64}$/);
    expect(document).toMatchObject({
      title: "The River House",
      role: "owner",
      owner: { name: "Sofia" },
      excerpt: "The river rose all night.",
      people: [{ name: "Sofia", role: "owner" }],
      editorsMayRun: false,
      restoreEpoch: 0,
      run: null,
      archivedAt: null,
    });
    expect(await get(sponsor, document.id)).toEqual(document);
    expect(await listed(sponsor, document.id)).toEqual(document);
    expect(await textOf(sponsor, document.id)).toBe(
      "The river rose all night.\n\nThe house stood.",
    );
  });

  test.each([
    ["without a body", undefined, ""],
    ["with an empty one", "", ""],
    ["ending in line feeds", "a\n\n", "a\n\n"],
    ["with line ends of Windows", "a\r\nb", "a\nb"],
    ["with zero characters and half surrogate pairs", "a\0b\ud83dc", "ab\uFFFDc"],
    [
      "with emoji, right-to-left text and combining marks",
      "👩‍👩‍👧 שלום e\u0301",
      "👩‍👩‍👧 שלום e\u0301",
    ],
  ])("D2 D3: %s, plain text in is plain text out", async (_what, body, text) => {
    const { id } = await createDocument({ title: "T", ...(body === undefined ? {} : { body }) });
    const answer = await sponsor.request("GET", `/api/documents/${id}/text`);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await answer.text()).toBe(text);
    const copy = sponsor.open(id);
    try {
      await whenText(copy, (now) => now === text && copy.body.toString() === `${text}\n`);
    } finally {
      copy.close();
    }
  });

  test("a clean copy has the text and formatting of the other, and nothing of its history", async () => {
    const { id } = await createDocument({ title: "Worn", body: "A heading\nSome text" });
    const worn = sponsor.open(id);
    await whenText(worn, (now) => now === "A heading\nSome text");
    for (let time = 0; time < 50; time++) {
      worn.body.insert(14, "x", { italic: true });
      worn.body.delete(14, 1);
    }
    worn.body.format(9, 1, { block: "heading", level: 1 });
    worn.body.format(10, 4, { bold: true });
    worn.body.format(19, 1, { block: "heading", level: 2 });
    worn.body.insert(14, " written", {});
    const text = "A heading\nSome written text";
    await expect.poll(() => textOf(sponsor, id)).toBe(text);
    const copied = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
      title: "Clean",
      copyOf: id,
    });
    expect(copied.document).toMatchObject({ title: "Clean", role: "owner", excerpt: "A heading" });
    const clean = sponsor.open(copied.document.id);
    await whenText(clean, (now) => now === text);
    expect(clean.body.toDelta()).toEqual([
      { insert: "A heading" },
      { insert: "\n", attributes: { block: "heading", level: 1 } },
      { insert: "Some", attributes: { bold: true } },
      { insert: " written text" },
      { insert: "\n", attributes: { block: "heading", level: 2 } },
    ]);
    const structs = [...clean.doc.store.clients.values()].flat();
    expect(structs.length).toBeLessThan(20);
    expect(await textOf(sponsor, id)).toBe(text);
    for (const copy of [worn, clean]) copy.close();
  });

  test("A2: a copy of what does not exist for the account is 404, and 403 where it may not create", async () => {
    const { id } = await createDocument({ title: "Mine", body: "Secret." });
    const create = (person: Person, copyOf: string) =>
      person.request("POST", "/api/documents", { title: "Copy", copyOf });
    expect((await create(sponsor, "nothing-here-at-all")).status).toBe(404);
    expect((await create(other, id)).status).toBe(404);
    expect((await assign(sponsor, id, { email: "editor@demo.test", role: "editor" })).ok).toBe(
      true,
    );
    expect((await create(editor, id)).status).toBe(403);
    const both = { title: "Copy", body: "Text", copyOf: id };
    expect((await sponsor.request("POST", "/api/documents", both)).status).toBe(400);
  });

  test("D9: a new title goes through the shared text, where live editors see it", async () => {
    const { id } = await createDocument({ title: "Before" });
    const copy = sponsor.open(id);
    const title = copy.doc.getText("title");
    await expect.poll(() => title.toString()).toBe("Before");
    const answer = await sponsor.json<{ document: DocumentSummary }>(
      "PATCH",
      `/api/documents/${id}`,
      { title: "After\nall" },
    );
    expect(answer.document.title).toBe("After all");
    await expect.poll(() => title.toString()).toBe("After all");
    copy.close();
  });

  test("D9: a title and text typed live come into the list", async () => {
    const { id } = await createDocument({ title: "Before" });
    const copy = sponsor.open(id);
    const title = copy.doc.getText("title");
    await expect.poll(() => title.toString()).toBe("Before");
    title.insert(0, "Long ");
    copy.body.insert(0, "A first line.");
    await expect
      .poll(() => listed(sponsor, id), { timeout: 10_000 })
      .toMatchObject({ title: "Long Before", excerpt: "A first line." });
    copy.close();
  });

  test("is archived and taken out again", async () => {
    const { id } = await createDocument({ title: "T" });
    const path = `/api/documents/${id}`;
    await sponsor.json("PATCH", path, { archived: true });
    const archived = await listed(sponsor, id);
    expect(archived?.archivedAt).toMatch(/^\d{4}-/);
    await sponsor.json("PATCH", path, { archived: true });
    expect((await get(sponsor, id)).archivedAt).toBe(archived?.archivedAt);
    await sponsor.json("PATCH", path, { archived: false, editorsMayRun: true });
    expect(await get(sponsor, id)).toMatchObject({ archivedAt: null, editorsMayRun: true });
  });

  test.each([
    [{ colour: "red" }, "colour"],
    [{ archived: "yes" }, "archived"],
    [{ title: "" }, "title"],
  ])("A6: refuses the change %j and names the field", async (input, field) => {
    const { id } = await createDocument({ title: "T" });
    const answer = await sponsor.request("PATCH", `/api/documents/${id}`, input);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as ErrorBody).error.details).toEqual({ field });
  });

  test("A2: an admin sees that it exists, and not a word of it", async () => {
    const { id } = await createDocument({ title: "T", body: "Secret words." });
    expect(await listed(admin, id)).toMatchObject({ title: "T", role: null, excerpt: "" });
    expect(await listed(other, id)).toBeUndefined();
    for (const path of ["", "/text", "/versions", "/assignments"])
      expect((await admin.request("GET", `/api/documents/${id}${path}`)).status).toBe(404);
  });
});

describe("the people on a document", () => {
  let id: string;
  beforeEach(async () => {
    ({ id } = await createDocument({ title: "T", body: "Text." }));
  });

  test("are assigned by email, in whatever capitals, and get another role the same way", async () => {
    const answer = await assign(sponsor, id, { email: "Editor@demo.test", role: "watcher" });
    expect(answer.status).toBe(200);
    const { assignment } = (await answer.json()) as { assignment: Assignment };
    expect(assignment).toMatchObject({ email: "editor@demo.test", name: "Edith", role: "watcher" });
    expect((await get(editor, id)).role).toBe("watcher");
    await assign(sponsor, id, { email: "editor@demo.test", role: "editor" });
    expect((await get(editor, id)).role).toBe("editor");
    const { assignments } = await sponsor.json<{ assignments: Assignment[] }>(
      "GET",
      `/api/documents/${id}/assignments`,
    );
    expect(assignments.map(({ email, role }) => [email, role])).toEqual([
      ["sponsor@demo.test", "owner"],
      ["editor@demo.test", "editor"],
    ]);
  });

  test("a sponsor may be assigned as editor or watcher and then counts as such", async () => {
    await assign(sponsor, id, { email: "sponsor2@demo.test", role: "watcher" });
    expect(await listed(other, id)).toMatchObject({ role: "watcher" });
    expect((await other.request("PATCH", `/api/documents/${id}`, { title: "X" })).status).toBe(403);
  });

  test("an unknown account, the owner, and an invented role are refused", async () => {
    const unknown = await assign(sponsor, id, { email: "nobody@demo.test", role: "editor" });
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, "no_such_account"]);
    const owner = await assign(sponsor, id, { email: "sponsor@demo.test", role: "watcher" });
    expect([owner.status, await codeOf(owner)]).toEqual([409, "is_owner"]);
    const invented = await assign(sponsor, id, { email: "editor@demo.test", role: "owner" });
    expect([invented.status, await codeOf(invented)]).toEqual([400, "invalid"]);
    expect((await get(sponsor, id)).people).toHaveLength(1);
  });

  test("S8: an unassigned account loses the document at once, on open connections too", async () => {
    await assign(sponsor, id, { email: "editor@demo.test", role: "editor" });
    const { user } = await editor.json<{ user: User }>("GET", "/api/me");
    const copy = editor.open(id);
    await whenText(copy, (text) => text === "Text.");
    const closed = new Promise<number>((resolve) =>
      copy.provider.on("connection-close", (event) => resolve(event?.code ?? 0)),
    );
    const path = `/api/documents/${id}/assignments/${user.id}`;
    expect((await sponsor.request("DELETE", path)).status).toBe(204);
    expect(await closed).toBe(4404);
    copy.close();
    expect((await editor.request("GET", `/api/documents/${id}`)).status).toBe(404);
    expect(await listed(editor, id)).toBeUndefined();
    expect((await sponsor.request("DELETE", path)).status).toBe(404);
  });

  test("the owner cannot be taken off", async () => {
    const { user } = await sponsor.json<{ user: User }>("GET", "/api/me");
    const answer = await sponsor.request("DELETE", `/api/documents/${id}/assignments/${user.id}`);
    expect(answer.status).toBe(409);
  });
});

describe("versions", () => {
  async function versionsOf(id: string): Promise<Version[]> {
    const answer = await sponsor.json<{ versions: Version[] }>(
      "GET",
      `/api/documents/${id}/versions`,
    );
    return answer.versions;
  }

  async function keep(id: string, label: string): Promise<Version> {
    const answer = await sponsor.json<{ version: Version }>(
      "POST",
      `/api/documents/${id}/versions`,
      { label },
    );
    return answer.version;
  }

  test("are named, listed newest first, and read", async () => {
    const { id } = await createDocument({ title: "T", body: "One." });
    const first = await keep(id, " First ");
    expect(first).toMatchObject({ label: "First", kind: "named", createdBy: { name: "Sofia" } });
    const copy = sponsor.open(id);
    await whenText(copy, (text) => text === "One.");
    copy.body.insert(4, " Two.");
    await expect.poll(() => textOf(sponsor, id)).toBe("One. Two.");
    copy.close();
    const second = await keep(id, "Second");
    expect((await versionsOf(id)).map((version) => version.id)).toEqual([second.id, first.id]);
    const text = async (version: Version) =>
      (await sponsor.request("GET", `/api/documents/${id}/versions/${version.id}/text`)).text();
    expect(await text(first)).toBe("One.");
    expect(await text(second)).toBe("One. Two.");
  });

  test("D5: restoring is one forward change that leaves equal text and its formatting alone", async () => {
    const { id } = await createDocument({ title: "T", body: "The river rose.\nThe house stood." });
    const copy = sponsor.open(id);
    await whenText(copy, (text) => text.startsWith("The river"));
    copy.body.format(4, 5, { bold: true });
    const version = await keepWhen(id, copy.body.toString());
    copy.body.format(4, 5, { bold: null });
    copy.body.insert(0, "All night ");
    copy.body.delete(copy.body.length - 7, 6);
    await expect.poll(() => textOf(sponsor, id)).toBe("All night The river rose.\nThe house ");

    let remoteChanges = 0;
    copy.body.observe((event) => {
      if (!event.transaction.local) remoteChanges += 1;
    });
    const answer = await sponsor.json<{ version: Version }>(
      "POST",
      `/api/documents/${id}/versions/${version.id}/restore`,
    );
    expect(answer.version.id).not.toBe(version.id);
    await whenText(copy, (text) => text === "The river rose.\nThe house stood.");
    expect(copy.body.toDelta()).toEqual([
      { insert: "The " },
      { insert: "river", attributes: { bold: true } },
      { insert: " rose.\nThe house stood.\n" },
    ]);
    expect(remoteChanges).toBe(1);
    copy.close();
    const [newest, before] = await versionsOf(id);
    expect(newest).toEqual(answer.version);
    expect(before?.kind).toBe("automatic");
    const kept = `/api/documents/${id}/versions/${before?.id}/text`;
    expect(await (await sponsor.request("GET", kept)).text()).toBe(
      "All night The river rose.\nThe house ",
    );
  });

  /** Keeps a version once the server has all of the text and its formatting. */
  async function keepWhen(id: string, text: string): Promise<Version> {
    const reader = sponsor.open(id);
    await expect.poll(() => reader.body.toDelta().length > 1 && reader.body.toString()).toBe(text);
    reader.close();
    return keep(id, "Bold river");
  }

  test("of another document, or of none, are missing", async () => {
    const one = await createDocument({ title: "One", body: "1" });
    const two = await createDocument({ title: "Two", body: "2" });
    const version = await keep(one.id, "Mine");
    for (const wrong of [version.id, "none"]) {
      const path = `/api/documents/${two.id}/versions/${wrong}`;
      expect((await sponsor.request("GET", `${path}/text`)).status).toBe(404);
      expect((await sponsor.request("POST", `${path}/restore`)).status).toBe(404);
    }
  });

  test("A6: refuses a label that is none", async () => {
    const { id } = await createDocument({ title: "T" });
    for (const input of [{}, { label: "" }, { label: "x", note: "y" }]) {
      const answer = await sponsor.request("POST", `/api/documents/${id}/versions`, input);
      expect(answer.status).toBe(400);
    }
  });
});

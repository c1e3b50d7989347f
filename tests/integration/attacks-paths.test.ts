import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createModelLibrary } from "../../server/model-library/model-library.ts";
import { type AttackDesk, openAttackDesk } from "../support/attack-desk.ts";
import { silent } from "../support/pglite.ts";
import { askExactly, statusOf } from "../support/raw-request.ts";
import { openRawSocket } from "../support/raw-socket.ts";

const secret = "the-secret-of-the-neighbour";
const entry = "<!doctype html><title>the entry</title>";

/** `client/` beside `secret.txt` and `outside/`, with links that lead there and one that stays. */
async function makeFolders(): Promise<{ root: string; clientDir: string }> {
  const root = await mkdtemp(join(tmpdir(), "palimpsest-paths-"));
  const clientDir = join(root, "client");
  await mkdir(join(clientDir, "assets"), { recursive: true });
  await mkdir(join(root, "client-of-another"));
  for (const [path, text] of [
    ["secret.txt", secret],
    ["client-of-another/secret.txt", secret],
    ["client/index.html", entry],
    ["client/.hidden", secret],
    ["client/assets/page.js", "page();"],
  ] as const)
    await writeFile(join(root, path), text);
  await symlink(join(root, "secret.txt"), join(clientDir, "assets/linked.txt"));
  await symlink(join(root, "client-of-another"), join(clientDir, "linked"));
  await symlink(join(clientDir, "assets/page.js"), join(clientDir, "assets/same.js"));
  return { root, clientDir };
}

const targets = [
  "/../secret.txt",
  "/assets/../../secret.txt",
  "/%2e%2e/secret.txt",
  "/%2e%2e%2fsecret.txt",
  "/..%2fsecret.txt",
  "/assets/..%2f..%2fsecret.txt",
  "/assets/%2e%2e/%2e%2e/secret.txt",
  "/assets/....//....//secret.txt",
  "/..%5csecret.txt",
  "/assets/..%5c..%5csecret.txt",
  "/assets\\..\\..\\secret.txt",
  "/%252e%252e%252fsecret.txt",
  "/assets/%252e%252e/%252e%252e/secret.txt",
  "/%c0%ae%c0%ae/secret.txt",
  "/%uff0e%uff0e/secret.txt",
  "/..;/secret.txt",
  "/secret.txt%00.js",
  "/assets/page.js%00",
  "/%00",
  "//secret.txt",
  "//etc/passwd",
  "/etc/passwd",
  "/C:/Windows/win.ini",
  "/C:%5cWindows%5cwin.ini",
  "/%5c%5cserver%5cshare",
  "/file:///etc/passwd",
  "file:///etc/passwd",
  "http://elsewhere.test/../secret.txt",
  "/../client-of-another/secret.txt",
  "/.hidden",
  "/assets/linked.txt",
  "/linked/secret.txt",
  "/linked/",
];

describe("A36: path traversal", () => {
  let folders: Awaited<ReturnType<typeof makeFolders>>;
  let desk: AttackDesk;
  beforeAll(async () => {
    folders = await makeFolders();
    desk = await openAttackDesk({ clientDir: folders.clientDir });
  });
  afterAll(async () => {
    await desk.close();
    await rm(folders.root, { recursive: true, force: true });
  });

  test("what belongs to the page is served", async () => {
    expect(await askExactly(desk.app.url, { target: "/assets/page.js" })).toContain("page();");
    expect(await askExactly(desk.app.url, { target: "/assets/same.js" })).toContain("page();");
    expect(await askExactly(desk.app.url, { target: "/documents/7" })).toContain(entry);
  });

  test.each(targets)("%s leads out of the page's folder to nothing", async (target) => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await askExactly(desk.app.url, { method, target });
      expect(answer).not.toMatch(new RegExp(`${secret}|root:|\\[fonts\\]`));
      expect([200, 400, 403, 404]).toContain(statusOf(answer));
      const isEntry = statusOf(answer) !== 200 || method === "HEAD" || answer.includes(entry);
      expect([target, isEntry]).toEqual([target, true]);
    }
  });

  test.each(["Range: bytes=9999-", 'If-Match: "none"', "Range: bytes=-1,-1,x"])(
    "a file asked for with %s is no failure of the server",
    async (header) => {
      for (const target of ["/assets/page.js", "/"]) {
        const answer = await askExactly(desk.app.url, { target, headers: [header] });
        expect(statusOf(answer)).toBeLessThan(500);
      }
      expect(desk.logged.join("")).not.toContain("request failed");
    },
  );

  test.each([
    "../secret.txt",
    "..%2f..%2fsecret.txt",
    "..%5c..%5csecret.txt",
    "%252e%252e%252fsecret.txt",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%00",
    "C:%5csecret.txt",
    "%2fetc%2fpasswd",
  ])("%s is no document, no version and no export", async (id) => {
    const { documentId, sponsor, admin, app } = desk;
    for (const [cookie, method, target] of [
      [sponsor.cookie, "GET", `/api/documents/${id}`],
      [sponsor.cookie, "GET", `/api/documents/${id}/text`],
      [sponsor.cookie, "GET", `/api/documents/${documentId}/versions/${id}/text`],
      [sponsor.cookie, "GET", `/api/account/export/${id}`],
      [admin.cookie, "GET", `/api/admin/audit/export/${id}`],
      [admin.cookie, "GET", `/api/admin/users/${id}/quota`],
      [sponsor.cookie, "DELETE", `/api/account/sessions/${id}`],
    ] as const) {
      const headers = [`Cookie: ${cookie}`, `Origin: ${app.url}`];
      const answer = await askExactly(app.url, { method, target, headers });
      expect([target, statusOf(answer)]).toEqual([target, 404]);
      expect(answer).not.toMatch(new RegExp(`${secret}|root:`));
    }
    const url = `${app.url.replace(/^http/, "ws")}/sync/${id}`;
    const line = await openRawSocket(url, sponsor.cookie).catch(() => undefined);
    // Refused before it opens, or closed with the word that it is not there.
    const closed = line === undefined ? 4404 : await line.closed;
    expect(closed).toBeGreaterThanOrEqual(4400);
  });

  test("a file's name is the server's, whatever is asked for", async () => {
    for (const [person, path] of [
      [desk.admin, "/api/admin/audit/export?search=..%2F..%2Fx%22%0D%0ASet-Cookie:a=b"],
      [desk.sponsor, "/api/account/export?fileName=..%2Fx"],
    ] as const) {
      const answer = await person.request("GET", path);
      await answer.arrayBuffer();
      const disposition = answer.headers.get("content-disposition");
      expect(disposition).toMatch(/^attachment; filename="[a-z]+-\d{4}-\d\d-\d\d\.(csv|json)"$/);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
  });

  test.each(["../outside", "..", "/etc", "a/b", "a\\b", "C:x", "a\0b", "", ".hidden"])(
    "a model called %j is not looked for",
    async (model) => {
      const socket = desk.sponsor.socket();
      const input = { documentId: desk.documentId, model };
      const refused = await socket.emitWithAck("run:start", input);
      socket.close();
      expect(refused).toMatchObject({ ok: false });
      expect(refused.ok ? "" : refused.message).toMatch(/no model called|model: /);

      const modelsDir = join(folders.root, "models");
      await mkdir(modelsDir, { recursive: true });
      await writeFile(
        join(modelsDir, "manifest.json"),
        JSON.stringify({ default: null, models: [model] }),
      );
      expect(() => createModelLibrary({ modelsDir, logger: silent })).toThrow("manifest");
    },
  );

  test("afterwards no file has come or gone", async () => {
    expect((await readdir(folders.root)).sort()).toEqual([
      "client",
      "client-of-another",
      "models",
      "secret.txt",
    ]);
    expect(await readdir(join(folders.root, "client-of-another"))).toEqual(["secret.txt"]);
  });
});

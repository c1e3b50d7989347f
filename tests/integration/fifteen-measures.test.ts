import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import { checkSourceFolder, sourceFiles } from "../../server/model-library/source-folder.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { demonstrationPassword, type Person } from "../support/person.ts";
import { askExactly, statusOf } from "../support/raw-request.ts";

const httpsOrigin = "https://write.example.org";

/** What the program that this one grew from had planned, each tried by what comes of it without. */
describe("the fifteen measures", () => {
  let folder: string;
  let app: TestApp;
  /** Behind a proxy that ends TLS. */
  let secured: TestApp;
  let sponsor: Person;
  let editor: Person;
  let admin: Person;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "palimpsest-measures-"));
    const clientDir = join(folder, "client");
    await mkdir(clientDir);
    await writeFile(join(clientDir, "index.html"), "<!doctype html><title>entry</title>");
    await writeFile(join(folder, "neighbour.txt"), "the neighbour's");
    await symlink(join(folder, "neighbour.txt"), join(clientDir, "linked.txt"));
    app = await startTestApp({ config: { clientDir } });
    const port = await freePort();
    secured = await startTestApp({ config: { port, publicOrigins: [httpsOrigin] } });
    sponsor = await app.signIn("sponsor@demo.test");
    editor = await app.signIn("editor@demo.test");
    admin = await app.signIn("admin@demo.test");
  });
  afterAll(async () => {
    await app.close();
    await secured.close();
    await rm(folder, { recursive: true, force: true });
  });

  function create(title: string, body = "") {
    return sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", { title, body });
  }

  test("1 routes are restricted by role", async () => {
    for (const [person, method, path] of [
      [editor, "POST", "/api/documents"],
      [admin, "POST", "/api/documents"],
      [sponsor, "GET", "/api/admin/users"],
      [editor, "GET", "/api/admin/audit"],
      [sponsor, "PUT", "/api/admin/quotas/default"],
    ] as const) {
      const body = method === "GET" ? undefined : { title: "Not theirs" };
      expect([path, (await person.request(method, path, body)).status]).toEqual([path, 403]);
    }
  });

  test("2 a refusal is a 403 that says so, and of what one may not know a 404", async () => {
    const refused = await editor.request("GET", "/api/admin/users");
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { error: { code: "forbidden", message: expect.stringMatching(/\.$/) } },
    ]);
    const { document } = await create("Hidden");
    const path = `/api/documents/${document.id}`;
    const missing = await editor.request("GET", "/api/documents/nothing");
    const hidden = await editor.request("GET", path);
    expect([hidden.status, await hidden.json()]).toEqual([404, await missing.json()]);
  });

  test("3 XSS: the page's policy lets no script in but its own, and markup stays text", async () => {
    const policy = (await fetch(app.url)).headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/(^|;)default-src 'self'(;|$)/);
    expect(policy).toMatch(/(^|;)object-src 'none'(;|$)/);
    expect(policy).toMatch(/(^|;)base-uri 'none'(;|$)/);
    const markup = "<script>alert(1)</script>";
    const { document } = await create(markup, markup);
    const text = await sponsor.request("GET", `/api/documents/${document.id}/text`);
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await text.text()).toBe(markup);
  });

  test("4 CSRF: another page changes nothing", async () => {
    const forged = await fetch(`${app.url}/api/documents`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        cookie: sponsor.cookie,
        origin: "https://evil.test",
      },
      body: JSON.stringify({ title: "Forged" }),
    });
    expect(forged.status).toBe(403);
    expect(await (await sponsor.request("GET", "/api/documents")).text()).not.toContain("Forged");
  });

  test("5 SQL injection: what is looked for is a value", async () => {
    for (const list of ["users", "documents", "audit"]) {
      const search = encodeURIComponent("' or 'a'='a");
      const found = await admin.request("GET", `/api/admin/${list}?search=${search}`);
      expect([list, await found.json()]).toMatchObject([list, { total: 0 }]);
    }
  });

  test("6 directory traversal: neither way nor link leads out of the page's folder", async () => {
    for (const target of ["/../neighbour.txt", "/..%2fneighbour.txt", "/linked.txt"]) {
      const answer = await askExactly(app.url, { target });
      expect(answer).not.toContain("the neighbour's");
      expect([200, 400, 403, 404]).toContain(statusOf(answer));
    }
  });

  test("7 files from elsewhere: a model folder with a program or a link in it is refused", async () => {
    const source = join(folder, "model");
    await mkdir(source);
    for (const name of sourceFiles) await writeFile(join(source, name), "{}");
    expect(await checkSourceFolder(source)).toBeTruthy();
    await rm(join(source, "config.json"));
    await symlink(join(folder, "neighbour.txt"), join(source, "config.json"));
    await expect(checkSourceFolder(source)).rejects.toThrow("link");
    await rm(join(source, "model.safetensors"));
    await writeFile(join(source, "pytorch_model.bin"), "\x80\x02");
    await expect(checkSourceFolder(source)).rejects.toThrow("pickle");
  });

  test("8 JSON security: nothing else is read, and of it no field that nobody asked for", async () => {
    const send = (type: string, body: string) =>
      fetch(`${app.url}/api/documents`, {
        method: "POST",
        headers: { "content-type": type, cookie: sponsor.cookie, origin: app.url },
        body,
      });
    expect((await send("text/plain", '{"title":"T"}')).status).toBe(415);
    expect((await send("application/json", '{"title":"T","owner":"me"}')).status).toBe(400);
    expect((await send("application/json", '{"title":"T","__proto__":{}}')).status).toBe(400);
    const answer = await sponsor.request("GET", "/api/me");
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("9 security headers are on every answer", async () => {
    for (const path of ["/", "/api/me", "/healthz", "/nothing.txt"]) {
      const { headers } = await fetch(`${app.url}${path}`);
      expect([path, headers.get("referrer-policy")]).toEqual([path, "same-origin"]);
      expect([path, headers.get("cross-origin-resource-policy")]).toEqual([path, "same-origin"]);
      expect([path, headers.get("x-powered-by")]).toEqual([path, null]);
      expect([path, headers.has("content-security-policy")]).toEqual([path, true]);
    }
  });

  test("10 cookie protection: bound to the host and to https, and out of scripts' reach", async () => {
    const answer = await fetch(`${secured.url}/api/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: httpsOrigin },
      body: JSON.stringify({ email: "editor@demo.test", password: demonstrationPassword }),
    });
    const [cookie = "", ...others] = answer.headers.getSetCookie();
    expect(others).toEqual([]);
    expect(cookie).toMatch(/^__Host-palimpsest=[a-z0-9]{30,}; /);
    const attributes = cookie.split("; ").slice(1);
    const wanted = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];
    expect(attributes).toEqual(expect.arrayContaining(wanted));
    expect(attributes.join()).not.toContain("Domain");
    // A neighbouring host can set a cookie of any name but this.
    const tossed = cookie.split(";")[0]?.replace("__Host-", "") ?? "";
    expect((await fetch(`${secured.url}/api/me`, { headers: { cookie: tossed } })).status).toBe(
      401,
    );
  });

  test("11 X-Content-Type-Options: no answer is taken for what it is not", async () => {
    for (const path of ["/", "/api/me", "/healthz", "/nothing.txt"])
      expect((await fetch(`${app.url}${path}`)).headers.get("x-content-type-options")).toBe(
        "nosniff",
      );
  });

  test("12 X-Frame-Options: no page is shown in another", async () => {
    for (const path of ["/", "/api/me"]) {
      const { headers } = await fetch(`${app.url}${path}`);
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    }
  });

  test("13 X-XSS-Protection is off, as a policy without inline scripts does its work", async () => {
    const { headers } = await fetch(app.url);
    expect(headers.get("x-xss-protection")).toBe("0");
    const scripts = /(?:^|;)script-src ([^;]*)/.exec(headers.get("content-security-policy") ?? "");
    expect(scripts?.[1]).toBe("'self'");
  });

  test("14 key pinning is replaced by HSTS behind TLS and by CAA records", async () => {
    const { headers } = await fetch(secured.url);
    const policy = headers.get("strict-transport-security") ?? "";
    expect(Number(/max-age=(\d+)/.exec(policy)?.[1])).toBeGreaterThanOrEqual(31_536_000);
    expect(policy).toContain("includeSubDomains");
    expect(headers.has("public-key-pins")).toBe(false);
    expect((await fetch(app.url)).headers.has("strict-transport-security")).toBe(false);
    const advice = await readFile(resolve(import.meta.dirname, "../../docs/security.md"), "utf8");
    expect(advice).toMatch(/IN CAA 0 issue "/);
  });

  test("15 terminals: no text that is copied out speaks to one", async () => {
    const typed = "ls\u001b[201~\u001b]0;owned\u0007; rm -rf ~\r\nnext\u009b2J\u007f";
    const { document } = await create(typed, typed);
    expect(document.title).not.toMatch(/\p{Cc}/u);
    const text = await (await sponsor.request("GET", `/api/documents/${document.id}/text`)).text();
    expect(text).toContain("\nnext");
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    const own = await sponsor.json<{ account: { name: string } }>("PATCH", "/api/account", {
      name: `Ada${typed}`,
    });
    expect(own.account.name).not.toMatch(/\p{Cc}/u);
  });
});

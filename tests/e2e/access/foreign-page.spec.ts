import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { expect, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "../story/people.ts";

let server: TestApp;
let foreign: Server;
let foreignUrl: string;
test.beforeAll(async () => {
  server = await startTestApp();
  foreign = createServer((request, response) => {
    const target = new URL(request.url ?? "/", foreignUrl).searchParams.get("frame");
    response.setHeader("Content-Type", "text/html").end(target === null ? bait : trap(target));
  }).listen(0, "127.0.0.1");
  await once(foreign, "listening");
  const address = foreign.address();
  foreignUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
test.afterAll(async () => {
  foreign?.close();
  await server?.close();
});

const bait = `<!doctype html><title>Bait</title>
<button style="position:fixed;inset:0;width:100%" onclick="this.textContent = 'clicked'">New document</button>`;

/** Lays a page over a bait, so that a click meant for the bait lands in the page. */
const trap = (target: string) => `<!doctype html><title>A prize</title><p>Click to win</p>
<iframe src="${target}" style="position:fixed;inset:0;width:100%;height:100%;opacity:0.01"></iframe>`;

test("A32: another page can neither frame ours nor have a person click in it unseen", async ({
  browser,
}) => {
  const sponsor = await visit(browser, server.url, "sponsor@demo.test");
  const { page } = sponsor;
  const button = await page.getByRole("button", { name: "New document" }).boundingBox();
  if (button === null) throw new Error("the button is nowhere");
  const place = [button.x + button.width / 2, button.y + button.height / 2] as const;
  const framed = () => page.frames().find((frame) => frame.parentFrame() !== null);

  // The trap works: in a page that lets itself be framed, the click lands.
  await page.goto(`${foreignUrl}/?frame=${encodeURIComponent(`${foreignUrl}/`)}`);
  await page.mouse.click(...place);
  await expect(page.frameLocator("iframe").getByRole("button")).toHaveText("clicked");

  for (const path of ["/", "/sign-in", "/account", "/admin/requests", "/api/me", "/none.js"]) {
    const refused = page.waitForEvent("console", (message) =>
      /frame-ancestors 'none'|X-Frame-Options/.test(message.text()),
    );
    await page.goto(`${foreignUrl}/?frame=${encodeURIComponent(server.url + path)}`);
    await refused;
    await expect.poll(() => framed()?.url()).toMatch(/^chrome-error:/);
    await page.mouse.click(...place);
  }
  const person = await signIn(server.url, "sponsor@demo.test");
  expect(await person.json("GET", "/api/documents")).toEqual({ documents: [] });
  await sponsor.close();
});

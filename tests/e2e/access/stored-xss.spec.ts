import { type BrowserContext, expect, type Locator, type Page, test } from "@playwright/test";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import type { OpenCopy, Person } from "../../support/person.ts";
import { enter, fillSignIn } from "../story/people.ts";
import {
  askToJoinByEach,
  decideOnEach,
  enterAs,
  type HostileInstallation,
  hostileEmail,
  hostilePassword,
  openHostileInstallation,
  writeHostileDocuments,
} from "./hostile-installation.ts";
import { hostileTexts } from "./hostile-text.ts";
import { type PageAlarm, raiseAlarm } from "./page-alarm.ts";

// The screens are opened one after the other, each with all that was written before.
test.describe.configure({ mode: "serial", timeout: 120_000 });

let installation: HostileInstallation;
let url: string;
let documentId: string;
test.beforeAll(async () => {
  installation = await openHostileInstallation();
  ({ url } = installation.server);
  await askToJoinByEach(installation);
});
test.afterAll(() => installation?.close());

/** A page in a context of its own, on which nothing of what was written may run. */
interface WatchedPage {
  context: BrowserContext;
  page: Page;
  alarm: PageAlarm;
  /** Opens an address, waits for what it shows, and looks. */
  look(path: string, shows: (page: Page) => Promise<void>): Promise<void>;
}

const watched = test.extend<{ stage: WatchedPage }>({
  stage: async ({ browser }, use) => {
    const context = await browser.newContext();
    const alarm = await raiseAlarm(context, url);
    const page = await context.newPage();
    await use({
      context,
      page,
      alarm,
      async look(path, shows) {
        await page.goto(url + path);
        await shows(page);
        await alarm.inspect(page);
      },
    });
    await context.close();
  },
});

/** Each text is there, as text. */
async function expectTexts(place: Page | Locator, texts: readonly string[]): Promise<void> {
  const squeeze = (text: string) => text.replace(/[\s\p{C}]+/gu, "");
  const wanted = texts.map((text) => squeeze(text).slice(0, 60));
  await expect
    .poll(async () => {
      const shown = squeeze((await textOf(place)) ?? "");
      return wanted.filter((text) => !shown.includes(text));
    })
    .toEqual([]);
}

function textOf(place: Page | Locator): Promise<string | null> {
  return "goto" in place ? place.locator("body").textContent() : place.textContent();
}

watched("the alarm rings for each way in which a text could run", async ({ stage }) => {
  const { page, alarm } = stage;
  await page.goto(`${url}/sign-in`);
  await expect(page.getByLabel("Email")).toBeVisible();
  const planted = (html: string) =>
    page.evaluate(`document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(html)})`);
  for (const [html, finding] of [
    ["<img src=x onerror=__pwned=1>", "attribute: onerror"],
    ["<img src=/none onerror=__pwned=1>", "policy: script-src-attr"],
    ["<iframe srcdoc='<b>a</b>'></iframe>", "element: <iframe"],
    ["<a href='javascript:__pwned=1'>a</a>", "attribute: href=javascript:"],
    ["<b style='background:url(//canary.example/b)'>a</b>", "style: background"],
    ["<img src=//canary.example/a>", "policy: img-src"],
    ["<a id=__pwned>a</a>", "ran: __pwned is set"],
    ["<img name=cookie>", "clobbered: the page's own names"],
  ] as const) {
    const before = alarm.findings.length;
    await planted(html);
    await alarm.inspect(page);
    await expect
      .poll(() => alarm.findings.slice(before).filter((line) => line.includes(finding)))
      .not.toEqual([]);
  }
  const before = alarm.findings.length;
  await page.evaluate(`void setTimeout(() => alert("here"))`);
  await expect.poll(() => alarm.findings.slice(before).join()).toContain("dialog: here");
});

watched("S4: attributes and types outside the schema never get into a document", async () => {
  const { owner } = installation;
  const { document } = await owner.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "Marked",
    body: "Some words.",
  });
  const ended = await Promise.all(
    forgeries.map(async ([what, forge]) => [what, await closeCodeOf(owner, document.id, forge)]),
  );
  expect(ended).toEqual(forgeries.map(([what]) => [what, closeCodes.malformed]));
  const copy = owner.open(document.id);
  await expect.poll(() => copy.provider.synced).toBe(true);
  const attributes = copy.body.toDelta().map((part: { attributes?: object }) => part.attributes);
  expect(attributes).toEqual([undefined]);
  copy.close();
});

const format = (name: string, value: unknown) => (copy: OpenCopy) =>
  copy.body.format(0, 4, { [name]: value });
const hostile = "<img src=x onerror=__pwned=1>";
const forgeries: readonly (readonly [string, (copy: OpenCopy) => void])[] = [
  ["a link", format("href", "javascript:__pwned=1")],
  ["a link's mark", format("link", { href: "javascript:__pwned=1" })],
  ["a style", format("style", "background:url(//canary.example/b)")],
  ["a handler", format("onclick", "__pwned=1")],
  ["markup for a name", format(hostile, true)],
  ["a prototype", format("__proto__", { __pwned: 1 })],
  ["a bold that is no yes", format("bold", hostile)],
  ["an italic that is an object", format("italic", { style: "x" })],
  ["a block of another kind", format("block", "script")],
  ["a level that is text", format("level", `1 onload=${hostile}`)],
  ["a level that is none", format("level", 7)],
  ["a run that is markup", format("run", `"><script>__pwned=1</script>`)],
  ["a run that is an object", format("run", { toString: "x" })],
  ["an embed", (copy) => copy.body.insertEmbed(0, { image: "javascript:__pwned=1" })],
  [
    "an element",
    (copy) => copy.doc.getXmlFragment("body2").insert(0, [new Y.XmlElement("script")]),
  ],
  ["a map", (copy) => copy.doc.getMap("__proto__").set("__pwned", 1)],
  ["a terminal's escape", (copy) => copy.body.insert(0, "\u001b]0;owned\u0007")],
];

/** What the server closes with after what a plain y-websocket client does to its copy. */
async function closeCodeOf(person: Person, id: string, forge: (copy: OpenCopy) => void) {
  const copy = person.open(id);
  await expect.poll(() => copy.provider.synced).toBe(true);
  const closed = new Promise<number | undefined>((resolve) => {
    copy.provider.on("connection-close", (event) => resolve(event?.code));
  });
  forge(copy);
  const code = await closed;
  copy.close();
  return code;
}

watched("nothing runs where requests wait, and where their authors are told", async ({ stage }) => {
  const { page, alarm } = stage;
  await enter(stage.context, url, "admin@demo.test");
  await stage.look("/admin/requests", async () => {
    await expectTexts(page, hostileTexts.slice(0, 50));
  });
  await stage.look("/admin/requests?page=2", async () => {
    await expectTexts(page, hostileTexts.slice(50));
  });
  await decideOnEach(installation);
  await page.context().clearCookies();
  for (const index of [0, 1]) {
    await stage.look(`/sign-in?from=${encodeURIComponent(hostile)}`, async () => {
      await fillSignIn(page, hostileEmail(index), hostilePassword);
      await expectTexts(page, hostileTexts.slice(0, 10));
    });
  }
  for (const path of ["/sign-up", "/forgotten", `/reset#${hostile}`, "/reset#javascript:__pwned=1"])
    await stage.look(path, () => expect(page.getByRole("button").first()).toBeVisible());
  expect(alarm.findings).toEqual([]);
});

watched(
  "nothing runs in a document, its panels, its list and its watch page",
  async ({ stage }) => {
    const { page, alarm } = stage;
    documentId = await writeHostileDocuments(installation);
    const copies = await showUpAsHostile([2, 4, 6, 8]);
    await enter(stage.context, url, "sponsor@demo.test");
    await stage.look("/", () =>
      expectTexts(
        page,
        hostileTexts.map((text) => text.slice(0, 40)),
      ),
    );
    const manuscript = page.getByRole("textbox", { name: "Manuscript" });
    await stage.look(`/documents/${documentId}`, async () => {
      await expect(manuscript).toContainText("pushed straight into the text");
      await expect(
        page.getByRole("list", { name: "Here now" }).getByRole("listitem"),
      ).not.toHaveCount(0);
      await expectTexts(page, hostileTexts);
    });
    await manuscript.click();
    await page.keyboard.insertText(hostileTexts.join(" "));
    await pasteHtml(page, `<p>pasted as it is</p>${hostileTexts.join("<p>and</p>")}`);
    await expect(manuscript).toContainText("pasted as it is");
    await page.getByRole("button", { name: "Share" }).click();
    await expectTexts(page.getByRole("dialog", { name: "Share" }), hostileTexts.slice(2));
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Backslash");
    const panel = page.getByRole("complementary", { name: "Panel" });
    for (const [tab, texts] of [
      ["Run", hostileTexts.slice(0, 1)],
      ["Versions", hostileTexts],
      ["People", hostileTexts.slice(2)],
    ] as const) {
      await page.getByRole("tab", { name: tab }).click();
      await expectTexts(panel, texts);
      await alarm.inspect(page);
    }
    await expect(page.getByTestId("save-state")).toHaveText("Saved");
    await stage.look(`/watch/${documentId}`, async () => {
      await expect(manuscript).toContainText("pushed straight into the text");
      await expectTexts(page, hostileTexts);
    });
    await stage.look(`/documents/${encodeURIComponent(hostile)}`, () =>
      expect(page.getByRole("heading").first()).toBeVisible(),
    );
    for (const copy of copies) copy.close();
    expect(alarm.findings).toEqual([]);
  },
);

watched(
  "nothing runs where an admin looks, and on an account's own page",
  async ({ stage, browser }) => {
    const { page, alarm } = stage;
    await enter(stage.context, url, "admin@demo.test");
    for (const pageNumber of [1, 2])
      await stage.look(`/admin/users?sort=createdAt&direction=asc&page=${pageNumber}`, () =>
        expectTexts(page, pageNumber === 1 ? hostileTexts.slice(0, 40) : hostileTexts.slice(50)),
      );
    await stage.look("/admin/documents", () => expectTexts(page, hostileTexts.slice(-10)));
    for (const [pageNumber, texts] of [
      hostileTexts.slice(-40),
      hostileTexts.slice(0, 30),
    ].entries())
      await stage.look(`/admin/audit?action=account.signed_up&page=${pageNumber + 1}`, () =>
        expectTexts(page, texts),
      );
    await stage.look("/admin/models", () => expectTexts(page, hostileTexts));
    await stage.look("/admin/health", () =>
      expect(page.getByRole("heading", { name: "Health" })).toBeVisible(),
    );
    await stage.look(`/admin/users?search=${encodeURIComponent(hostile)}&sort=${hostile}`, () =>
      expect(page.getByRole("heading", { name: "Users" })).toBeVisible(),
    );
    expect(alarm.findings).toEqual([]);

    const context = await browser.newContext({ userAgent: hostile });
    const ownAlarm = await raiseAlarm(context, url);
    const own = await context.newPage();
    await own.goto(url);
    await fillSignIn(own, hostileEmail(10), hostilePassword);
    await expect(own.getByRole("heading", { name: "Documents" })).toBeVisible();
    await own.goto(`${url}/account`);
    await expectTexts(own, [hostile]);
    await expect(own.getByLabel("Name", { exact: true })).toHaveValue(hostileTexts[10] ?? "");
    await expect(own.getByRole("textbox", { name: "Email" })).toHaveValue(hostileEmail(10));
    await ownAlarm.inspect(own);
    expect(ownAlarm.findings).toEqual([]);
    await context.close();
  },
);

/** Opens the document as each, who writes past the page and says hostile things of itself. */
async function showUpAsHostile(indexes: readonly number[]): Promise<OpenCopy[]> {
  const people = await Promise.all(indexes.map((index) => enterAs(installation, index)));
  const copies = people.map((person) => person.open(documentId));
  for (const copy of copies) await expect.poll(() => copy.provider.synced).toBe(true);
  const [first] = copies;
  first?.body.insert(
    0,
    `pushed straight into the text ${hostile}\n${hostileTexts.join(" ").replaceAll("\t", " ")}\n`,
  );
  first?.doc.getText("title").insert(0, `${hostile}\n`);
  for (const { body, provider } of copies) {
    const position = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(body, 3));
    provider.awareness.setLocalState({
      user: {
        id: hostile,
        name: hostile,
        role: hostile,
        colour: "red;background:url(//canary.example/p)",
      },
      cursor: { anchor: position, head: position },
      composing: hostile,
      [hostile]: hostileTexts.slice(0, 20),
    });
  }
  return copies;
}

/** Pastes markup as another program hands it over; Chromium's own clipboard would clean it first. */
async function pasteHtml(page: Page, html: string): Promise<void> {
  await page.evaluate(`(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/html", ${JSON.stringify(html)});
    const init = { clipboardData, bubbles: true, cancelable: true };
    document.querySelector("[aria-label=Manuscript]").dispatchEvent(new ClipboardEvent("paste", init));
  })()`);
}

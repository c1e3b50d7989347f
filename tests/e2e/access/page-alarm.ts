import type { BrowserContext, Page } from "@playwright/test";
import { canaryHost } from "./hostile-text.ts";

/** Whatever happened in a context's pages that no page of ours does. */
export interface PageAlarm {
  /** One line each, with the page where it was; oldest first. */
  readonly findings: string[];
  /** Looks at a page as it stands now, besides what was seen of it on the way. */
  inspect(page: Page): Promise<void>;
}

/**
 * Runs in every frame before its scripts: tells of what the policy stopped, and of elements and
 * attributes that are none of ours.
 */
const watchPage = `(() => {
  const tell = (line) => globalThis.reportFinding(line);
  document.addEventListener("securitypolicyviolation", (event) =>
    tell("policy: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample));
  const foreign = "iframe, object, embed, base, frame, applet, marquee, audio, video, " +
    "meta[http-equiv], form[action], math, svg script, svg animate, svg use, noscript img";
  const own = (address) => new URL(address, location.href).origin === location.origin;
  const judge = (element) => {
    if (element.matches(foreign)) tell("element: " + element.outerHTML.slice(0, 200));
    const source = element.localName === "script" && element.getAttribute("src");
    if (element.localName === "script" && (!source || !own(source)))
      tell("script: " + element.outerHTML.slice(0, 200));
    for (const { name, value } of element.attributes) {
      const isAddress = /^(src|href|xlink:href|action|formaction|data|poster)$/.test(name);
      const isProgram = isAddress && /^[\\s\\0-\\x20]*(javascript|vbscript|data:text)/i.test(value);
      const isAway = isAddress && value.includes("${canaryHost}");
      if (/^on/i.test(name) || name === "srcdoc" || isProgram || isAway)
        tell("attribute: " + name + "=" + value.slice(0, 100));
      if (name === "style" && /url\\(|expression|@import/i.test(value)) tell("style: " + value);
    }
    if (element.localName === "style" && element.textContent.includes("${canaryHost}"))
      tell("style sheet: " + element.textContent.slice(0, 100));
  };
  const judgeAll = (root) => {
    if (root.nodeType !== Node.ELEMENT_NODE) return;
    judge(root);
    for (const element of root.querySelectorAll("*")) judge(element);
  };
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "attributes") judge(target);
      for (const node of addedNodes) judgeAll(node);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true });
  globalThis.inspectPage = () => {
    judgeAll(document.documentElement);
    const isPwned = Object.hasOwn(globalThis, "__pwned") || globalThis.__pwned !== undefined;
    if (isPwned || {}.__pwned !== undefined) tell("ran: __pwned is set");
    const isClobbered = typeof document.cookie !== "string" || document.body?.tagName !== "BODY";
    if (isClobbered) tell("clobbered: the page's own names");
  };
})();`;

/** Watches every page of a context from its beginning. */
export async function raiseAlarm(context: BrowserContext, url: string): Promise<PageAlarm> {
  const findings: string[] = [];
  const note = (page: Page | undefined, line: string) =>
    findings.push(`${page?.url().replace(url, "") ?? "?"}: ${line}`);
  await context.exposeBinding("reportFinding", ({ page }, line: string) => void note(page, line));
  await context.addInitScript(watchPage);
  context.on("dialog", (dialog) => {
    note(dialog.page() ?? undefined, `dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on("weberror", (error) => note(error.page() ?? undefined, `error: ${error.error()}`));
  context.on("console", (message) => {
    if (!/content security policy|refused to|trusted ?types/i.test(message.text())) return;
    note(message.page() ?? undefined, `console: ${message.text()}`);
  });
  context.on("request", (request) => {
    const address = request.url();
    if (address.startsWith(`${url}/`) || /^(data|blob):/.test(address)) return;
    note(undefined, `request: ${address}`);
  });
  return {
    findings,
    inspect: async (page) => {
      await page.evaluate("inspectPage()");
    },
  };
}

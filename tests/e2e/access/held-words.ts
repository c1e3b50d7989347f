import type { BrowserContext } from "@playwright/test";

/** A line to the server on which a page's words can be held back, as on a network that swallows them. */
export interface HeldLine {
  hold(): void;
  release(): void;
}

/** Puts the line between the context's pages and sync; what the server says always comes through. */
export async function holdableLine(context: BrowserContext): Promise<HeldLine> {
  let held = false;
  await context.routeWebSocket(/\/sync\//, (page) => {
    const server = page.connectToServer();
    page.onMessage((message) => {
      if (!held) server.send(message);
    });
  });
  return { hold: () => (held = true), release: () => (held = false) };
}

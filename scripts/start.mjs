import { ensureBuilt, ensureCompiled } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

// `npm start`: install what is missing, build what changed, serve. The server runs in this very
// process, so that a signal reaches it without a detour.
ensureInstalled();
ensureBuilt();
ensureCompiled();
await import("../dist/server/main.mjs");

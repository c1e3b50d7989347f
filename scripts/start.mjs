import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

// `npm start`: install what is missing, build what changed, serve. The server runs in this very
// process, so that a signal reaches it without a detour.
ensureInstalled();
ensureBuilt();
const { register } = await import("tsx/esm/api");
register();
await import("../server/main.ts");

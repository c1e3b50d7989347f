import { ensureInstalled } from "./install.mjs";

// `npm run cli -- COMMAND`
ensureInstalled();
const { register } = await import("tsx/esm/api");
register();
await import("../server/cli/main.ts");

import { ensureInstalled } from "./install.mjs";

// `npm run bench -- NAME [--json]`
ensureInstalled();
const { register } = await import("tsx/esm/api");
register();
await import("../benchmarks/main.ts");

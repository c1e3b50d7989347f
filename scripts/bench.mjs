import { ensureBuilt } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

// `npm run bench -- NAME [--json] [--full]`
ensureInstalled();
ensureBuilt();
const { register } = await import("tsx/esm/api");
register();
await import("../benchmarks/run.ts");

import { tsImport } from "tsx/esm/api";

await tsImport("./import-worker.ts", import.meta.url);

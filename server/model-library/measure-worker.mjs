import { tsImport } from "tsx/esm/api";

await tsImport("./measure-worker.ts", import.meta.url);

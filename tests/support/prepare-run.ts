import { compiledServer } from "./compiled-server.ts";

/** Before the first test: several that began at once would each compile the server. */
export default async function prepareRun(): Promise<void> {
  await compiledServer("main");
}

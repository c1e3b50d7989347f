import { afterAll, beforeAll, vi } from "vitest";
import {
  type CompletionsServer,
  startCompletionsServer,
} from "../../../tests/support/completions-server.ts";
import { systemClock } from "../../jobs/clock.ts";
import { createLogger } from "../../observability/logger.ts";
import { createEngine } from "../create-engine.ts";
import type { LoadedModel } from "../engine.ts";
import { createEnginePool } from "../engine-pool.ts";
import { describeEngineContract } from "../test-support/create-engine-contract.ts";
import { talesCard, talesFolder } from "../test-support/tales.ts";
import { loadTokenizer } from "../tokenizer.ts";
import { RemoteEngine } from "./remote-engine.ts";

// Two engines compute what one would, beside whatever else this machine does.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let model: LoadedModel;
let server: CompletionsServer;
beforeAll(async () => {
  const tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);
  model = { engine: await createEngine({ modelFolder: talesFolder }), tokenizer };
  server = await startCompletionsServer(model);
});
afterAll(async () => {
  await server.stop();
  await model.engine.close();
});

describeEngineContract({
  name: "an engine on another machine",
  async open() {
    const remote = new RemoteEngine({
      settings: {
        name: "far",
        model: "tales",
        url: server.url,
        kind: "palimpsest",
        remoteModel: "tales",
        apiKey: undefined,
        places: 2,
        prompt: "tokens",
        connectTimeoutMs: 5_000,
        firstTokenTimeoutMs: 60_000,
        tokenTimeoutMs: 60_000,
      },
      model: model.engine.model,
      tokenizer: model.tokenizer,
      clock: systemClock,
      logger: createLogger("silent"),
    });
    const pool = createEnginePool(model.engine.model, [remote]);
    await pool.ready();
    return pool;
  },
  windows: 1.5,
  tellsKept: false,
});

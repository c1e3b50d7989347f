import { expect, test } from "vitest";
import { samplingLimits } from "#shared/sampling.ts";
import { commandSchema } from "./protocol.ts";
import { ask } from "./test-support/scheduler-desk.ts";

// What a worker cannot understand ends it, and with it all who generate there.
test("E8: a worker understands a request for more than the longest text, which is asked to finish a sentence", () => {
  const maxTokens = samplingLimits.maxTokens.max + 256;
  const request = ask([1], { maxTokens, stopAt: "paragraph" });
  const command = { type: "generate", generation: 0, sequence: 0, request };
  expect(commandSchema.safeParse(command).data).toEqual(command);
});

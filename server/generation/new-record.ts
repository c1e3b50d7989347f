import { randomBytes } from "node:crypto";
import type { Actor } from "#shared/permissions.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { StartRunInput } from "#shared/socket-events.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { OpenRoom } from "../sync/types.ts";
import { bodyOf, caretAt, requestedCaret } from "./caret.ts";
import { endOfText } from "./characters.ts";
import type { RunRecord } from "./run-record.ts";
import { resolveSampling } from "./sampling.ts";

/** A queued run as its Start asks for it. Throws InvalidError for a caret or a sampling that cannot be. */
export function newRecord(
  actor: Actor,
  input: StartRunInput,
  room: OpenRoom,
  { engine }: LoadedModel,
  settings: SamplingInput,
): RunRecord {
  const person = { id: actor.id, name: actor.name };
  return {
    id: randomBytes(12).toString("base64url"),
    documentId: input.documentId,
    model: engine.model.id,
    sampling: resolveSampling(settings, input.sampling ?? {}, engine.model.vocabularySize),
    status: { state: "queued" },
    caret: firstCaret(room, input),
    startedBy: person,
    changedBy: person,
    tokens: 0,
    promptTokens: 0,
    contextTokens: 0,
    contextLimit: engine.model.contextTokens,
  };
}

function firstCaret({ doc }: OpenRoom, { at, caret }: StartRunInput) {
  if (at === "caret") return requestedCaret(doc, caret ?? "");
  const body = bodyOf(doc);
  return caretAt(body, endOfText(body));
}

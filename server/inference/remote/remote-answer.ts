import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import { RemoteFailure } from "./remote-failure.ts";

/** The line to the server of an engine: it goes where it was configured to, and nowhere else. */
export interface RemoteLine {
  /** Resolves with the answer once its head is there; throws a RemoteFailure, or the signal's reason. */
  ask(request: { path: string; body?: object; signal: AbortSignal }): Promise<IncomingMessage>;
  close(): void;
}

const longestRefusalBytes = 2_000;

/** Node's own client follows no redirects and reads no proxy settings. Connections are used again. */
export function openRemoteLine(settings: RemoteEngineSettings): RemoteLine {
  const secure = settings.url.startsWith("https:");
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const request = secure ? httpsRequest : httpRequest;

  return {
    async ask({ path, body, signal }) {
      signal.throwIfAborted();
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const method = text === undefined ? "GET" : "POST";
        const headers = headersOf(settings, text);
        const sent = request(`${settings.url}${path}`, { method, agent, headers }, resolve);
        const abort = () => sent.destroy();
        signal.addEventListener("abort", abort, { once: true });
        const connecting = setTimeout(() => {
          sent.destroy(new Error(`no connection in ${settings.connectTimeoutMs} ms`));
        }, settings.connectTimeoutMs);
        sent.once("socket", (socket) => {
          if (!socket.connecting) clearTimeout(connecting);
          socket.once(secure ? "secureConnect" : "connect", () => clearTimeout(connecting));
        });
        sent.once("close", () => {
          clearTimeout(connecting);
          signal.removeEventListener("abort", abort);
        });
        sent.once("error", (cause) =>
          reject(signal.aborted ? reasonOf(signal) : unreachable(cause)),
        );
        sent.end(text);
      });
      // Whoever reads it is told; whoever has left needs not be.
      answer.on("error", () => undefined);
      if (answer.statusCode === 200) return answer;
      throw await refusalOf(answer);
    },
    close: () => agent.destroy(),
  };
}

function headersOf({ apiKey }: RemoteEngineSettings, text: string | undefined) {
  return {
    accept: text === undefined ? "application/json" : "text/event-stream",
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    ...(text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
}

/** What a signal was aborted with is an error wherever this code aborts. */
function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}

function unreachable(cause: Error): RemoteFailure {
  return new RemoteFailure("unreachable", "The engine's server cannot be reached.", { cause });
}

async function refusalOf(answer: IncomingMessage): Promise<RemoteFailure> {
  const { statusCode: status = 0, headers } = answer;
  const cause = new Error(`${status}: ${await beginningOf(answer)}`);
  const retryAfterMs = readRetryAfter(headers["retry-after"]);
  const message = `The engine's server answered ${status}.`;
  if (status === 429 || status === 503)
    return new RemoteFailure("busy", message, { cause, retryAfterMs });
  if (status >= 500) return new RemoteFailure("broken", message, { cause });
  if ([400, 413, 422].includes(status)) return new RemoteFailure("refused", message, { cause });
  // Redirects are not followed: nobody but who configured the engine says where prompts go.
  return new RemoteFailure("denied", message, { cause });
}

/** Servers repeat parts of a request in their refusals; as much as tells what kind it was is kept. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      // Without an encoding the stream gives buffers.
      const buffer = chunk as Buffer;
      chunks.push(buffer);
      bytes += buffer.length;
      if (bytes >= longestRefusalBytes) break;
    }
  } catch {
    // The status says enough.
  }
  return typeOfRefusal(Buffer.concat(chunks).toString("utf8"));
}

/** The `type` or `code` of an OpenAI error; its message may quote the prompt, so it is not for the log. */
function typeOfRefusal(text: string): string {
  return /"(?:type|code)"\s*:\s*"([\w .-]{1,80})"/.exec(text)?.[1] ?? "no type given";
}

function readRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

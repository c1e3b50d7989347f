import type { z } from "zod";
import { errorBodySchema } from "#shared/errors.ts";

/** An answer that was not the one hoped for; `message` is a sentence for the person. */
export class ApiError extends Error {
  /** The HTTP status; 0 where no answer came at all. */
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(status: number, code: string, message: string, details?: Record<string, unknown>) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** Sends a request with the session's cookie and gives back the parsed answer. Throws ApiError. */
export async function request<Answer>(
  method: Method,
  path: string,
  answerSchema: z.ZodType<Answer>,
  body?: unknown,
): Promise<Answer> {
  const response = await send(method, path, body);
  const answer = answerSchema.safeParse(await readJson(response));
  if (answer.success) return answer.data;
  throw new ApiError(
    response.status,
    "unexpected_answer",
    "The server answered in a way this page does not understand. Reload the page.",
  );
}

/** Like `request`, where the answer carries nothing. */
export async function requestNothing(method: Method, path: string, body?: unknown): Promise<void> {
  await send(method, path, body);
}

async function send(method: Method, path: string, body: unknown): Promise<Response> {
  const response = await fetch(path, {
    method,
    credentials: "same-origin",
    ...(body === undefined
      ? {}
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  });
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  const parsed = errorBodySchema.safeParse(await readJson(response));
  if (!parsed.success) {
    return new ApiError(
      response.status,
      "unexpected_answer",
      "The server could not do this now. Try again in a moment.",
    );
  }
  const { code, message, details } = parsed.data.error;
  return new ApiError(response.status, code, message, details);
}

/** undefined where the body is no JSON (a proxy's error page, an empty answer). */
async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

/** The sentence to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "Something went wrong on this page. Reload it and try again.";
}

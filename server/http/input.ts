import type { z } from "zod";
import { type AppError, InvalidError } from "../errors.ts";

/** Throws InvalidError that names the first wrong field. */
export function parseInput<Input>(schema: z.ZodType<Input>, value: unknown): Input {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw describeIssue(parsed.error.issues[0]);
}

function describeIssue(issue: z.core.$ZodIssue | undefined): AppError {
  if (issue === undefined) return new InvalidError("The input is not valid.");
  if (issue.code === "unrecognized_keys") {
    const field = [...issue.path, issue.keys[0]].join(".");
    return new InvalidError(`There is no field “${field}” here.`, { field });
  }
  const field = issue.path.join(".");
  return field === ""
    ? new InvalidError(`${issue.message}.`)
    : new InvalidError(`${field}: ${issue.message}.`, { field });
}

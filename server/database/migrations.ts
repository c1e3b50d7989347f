import type { Migration } from "kysely";
import * as firstSchema from "../../migrations/0001-first-schema.ts";
import * as access from "../../migrations/0002-access.ts";

/** Every migration by its file's name, in order; a test holds that none is left out. */
export const migrations: Readonly<Record<string, Migration>> = {
  "0001-first-schema": firstSchema,
  "0002-access": access,
};

import { vi } from "vitest";

/** A second, Vitest's own limit for `vi.waitFor`, is less than a starved machine may need. */
const patience = { timeout: 15_000 };

const { waitFor } = vi;
vi.waitFor = (condition, options = {}) =>
  waitFor(condition, typeof options === "number" ? options : { ...patience, ...options });

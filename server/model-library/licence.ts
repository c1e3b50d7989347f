import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The licence that a model's README states ("license: mit", "Licence: MIT"), else "unknown". */
export async function readLicence(folder: string): Promise<string> {
  const text = await readFile(join(folder, "README.md"), "utf8").catch(() => "");
  const stated = /\blicen[cs]e:\s*["']?([\w.+-]*\w)/i.exec(text)?.[1];
  return stated ?? "unknown";
}

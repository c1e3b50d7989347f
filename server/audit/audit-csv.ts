import { stringify } from "csv-stringify/sync";
import type { AuditEvent } from "#shared/admin.ts";

const columns = [
  "id",
  "time",
  "action",
  "actor id",
  "actor",
  "target kind",
  "target id",
  "target",
  "address",
  "request id",
  "details",
] as const;

/**
 * Events as CSV that a spreadsheet opens as it is: in UTF-8 with a byte order mark (without it Excel
 * garbles names), and with a `'` before whatever it would take for a formula.
 */
export async function* auditCsv(pages: AsyncIterable<AuditEvent[]>): AsyncIterable<string> {
  yield stringify([[...columns]], { bom: true });
  for await (const page of pages) yield stringify(page.map(toRow), { escape_formulas: true });
}

function toRow(event: AuditEvent): string[] {
  const { id, createdAt, action, actor, target, address, requestId, details } = event;
  return [
    String(id),
    createdAt,
    action,
    actor?.id ?? "",
    actor?.name ?? "",
    target?.kind ?? "",
    target?.id ?? "",
    target?.name ?? "",
    address ?? "",
    requestId ?? "",
    JSON.stringify(details),
  ];
}

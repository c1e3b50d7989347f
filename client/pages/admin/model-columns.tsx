import type { AdminModel } from "#shared/models.ts";
import { grouped } from "../../components/grouped.ts";
import { columnsOf } from "./admin-table.tsx";
import { inBytes } from "./in-bytes.ts";
import { ModelRowMenu } from "./model-row-menu.tsx";
import {
  describePrecision,
  describeQuality,
  describeUnusable,
  describeUse,
  inParameters,
} from "./model-words.ts";
import modelStyles from "./models.module.css";
import styles from "./users.module.css";

const column = columnsOf<AdminModel>();

/** A model in a line. */
export const modelColumns = column.columns([
  column.display({
    id: "name",
    header: "Name",
    cell: ({ row: { original: model } }) => (
      <div>
        <strong className={styles.name}>{model.name}</strong>
        {model.default && <span className={styles.quiet}> (the default)</span>}
        {model.id !== model.name && <span className={styles.second}>{model.id}</span>}
        {model.problem !== null && (
          <p className={modelStyles.unusable}>{describeUnusable(model)}</p>
        )}
      </div>
    ),
  }),
  column.display({
    id: "parameters",
    header: "Parameters",
    cell: ({ row: { original: model } }) =>
      model.problem === null && inParameters(model.parameters),
  }),
  column.display({
    id: "context",
    header: "Context",
    cell: ({ row: { original: model } }) =>
      model.problem === null && `${grouped(model.contextTokens)} tokens`,
  }),
  column.display({
    id: "details",
    header: "Precision",
    cell: ({ row: { original: model } }) =>
      model.problem === null && (
        <div>
          {describePrecision(model.precision)}
          {model.installed && <span className={styles.second}>{describeQuality(model)}</span>}
        </div>
      ),
  }),
  column.display({ id: "licence", header: "Licence", cell: ({ row }) => row.original.licence }),
  column.display({
    id: "size",
    header: "On disk",
    cell: ({ row: { original: model } }) =>
      model.installed ? inBytes(model.sizeBytes) : "on another machine",
  }),
  column.display({
    id: "use",
    header: "In use",
    cell: ({ row }) => describeUse(row.original),
  }),
  column.display({
    id: "menu",
    header: () => null,
    cell: ({ row }) => row.original.installed && <ModelRowMenu model={row.original} />,
  }),
]);

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Health } from "#shared/admin.ts";
import { healthQuery } from "../../api/admin-log.ts";
import { Ago } from "../../components/ago.tsx";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./health-page.module.css";
import { inBytes } from "./in-bytes.ts";
import listStyles from "./list-page.module.css";

/** How the server does, in plain numbers, looked at every five seconds. */
export function HealthPage() {
  const health = useQuery(healthQuery);
  useEffect(() => {
    document.title = "Health · Palimpsest";
  }, []);
  return (
    <>
      <h1 className={listStyles.title}>Health</h1>
      {health.error !== null && <Refusal error={health.error} />}
      {health.data && (
        <dl className={styles.facts}>
          {factsOf(health.data).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          <div>
            <dt>Started</dt>
            <dd>
              <Ago time={health.data.startedAt} />
            </dd>
          </div>
        </dl>
      )}
    </>
  );
}

function factsOf(health: Health): readonly (readonly [string, string])[] {
  const { database, model, engines, connections, documents, mail } = health;
  return [
    ["Database", `${database.ready ? "ready" : "away"}, ${databaseNames[database.kind]}`],
    ["Its size", inBytes(database.sizeBytes)],
    ["Model", model.ready ? `ready, ${model.name ?? "without a name"}` : "not ready"],
    ...engines.map((engine) => [engineName(engine), stateOf(engine)] as const),
    ["Runs now", String(documents.liveRuns)],
    ["Documents", `${documents.total}, ${documents.open} open`],
    ["Live connections", String(connections.sockets)],
    ["Documents open in browsers", String(connections.sync)],
    ["Memory", inBytes(health.memoryBytes)],
    ["Event loop delay", `${health.eventLoopDelayMs.toFixed(1)} ms`],
    ["Mail", mail.configured ? `${mail.waiting} waiting, ${mail.failed} failed` : "not set up"],
    ["Version", health.version],
  ];
}

type Engine = Health["engines"][number];

function engineName({ model, name, kind }: Engine): string {
  return kind === "local" ? `Engine of ${model}, on this machine` : `Engine of ${model}, ${name}`;
}

function stateOf(engine: Engine): string {
  const { sequences, places, failures } = engine;
  const state = engine.available ? `${sequences} of ${places} places taken` : absenceOf(engine);
  return failures === 0
    ? state
    : `${state}; was lost ${failures === 1 ? "once" : `${failures} times`}`;
}

function absenceOf({ problem }: Engine): string {
  return problem ? `away. ${problem}` : "away";
}

const databaseNames: { readonly [kind in Health["database"]["kind"]]: string } = {
  postgres: "Postgres",
  pglite: "embedded",
};

import { samplingFacts } from "./facts-of-sampling.ts";
import styles from "./run-panel.module.css";
import type { ChosenSampling } from "./use-sampling-choice.ts";

/** How the model writes, for someone who may look and not change: what is not as usual. */
export function SamplingFacts({ values }: { values: ChosenSampling }) {
  return (
    <dl className={styles.facts}>
      {samplingFacts(values).map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

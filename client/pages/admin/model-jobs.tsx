import { Button } from "@mantine/core";
import type { ModelJob } from "#shared/models.ts";
import { useModelJob } from "../../api/admin-models.ts";
import { Refusal } from "../../components/refusal.tsx";
import { describeJob } from "./model-words.ts";
import styles from "./models.module.css";

/** The models that are being added, with what can be done about each. */
export function ModelJobs({ jobs }: { jobs: readonly ModelJob[] }) {
  if (jobs.length === 0) return null;
  return (
    <ul className={styles.jobs} aria-label="Being added">
      {jobs.map((job) => (
        <JobLine key={job.id} job={job} />
      ))}
    </ul>
  );
}

function JobLine({ job }: { job: ModelJob }) {
  const { stop, resume, discard } = useModelJob(job.id);
  const isGoing = job.state === "running" || job.state === "queued";
  return (
    <li className={styles.job} data-state={job.state}>
      <div className={styles.what}>
        <strong>{job.repository}</strong>
        <span className={styles.how}>{describeJob(job)}</span>
        {isGoing && (
          // Without a value it says that nobody knows how long it takes.
          <progress
            className={styles.bar}
            aria-label={`Adding ${job.repository}`}
            max={job.total || 1}
            {...(job.total > 0 && { value: job.done })}
          />
        )}
        {job.problem !== null && (
          <p className={styles.problem} role="alert">
            {job.problem}
          </p>
        )}
        <JobRefusal errors={[stop.error, resume.error, discard.error]} />
      </div>
      <div className={styles.buttons}>
        {isGoing ? (
          <Button
            size="xs"
            variant="default"
            aria-label={`Stop adding ${job.repository}`}
            aria-busy={stop.isPending}
            onClick={() => stop.mutate()}
          >
            Stop
          </Button>
        ) : (
          <>
            <Button
              size="xs"
              aria-label={`${job.state === "failed" ? "Try again" : "Resume"}: ${job.repository}`}
              aria-busy={resume.isPending}
              onClick={() => resume.mutate()}
            >
              {job.state === "failed" ? "Try again" : "Resume"}
            </Button>
            <Button
              size="xs"
              variant="subtle"
              aria-label={`Discard what has come of ${job.repository}`}
              aria-busy={discard.isPending}
              onClick={() => discard.mutate()}
            >
              Discard
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function JobRefusal({ errors }: { errors: readonly (Error | null)[] }) {
  const error = errors.find((each) => each !== null) ?? null;
  return error === null ? null : <Refusal error={error} />;
}

import { Button, Popover, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import {
  type AdminModels,
  hubNameSchema,
  type KnownModel,
  knownModels,
  modelIdOf,
} from "#shared/models.ts";
import { useAddModel } from "../../api/admin-models.ts";
import { Refusal } from "../../components/refusal.tsx";
import { inBytes } from "./in-bytes.ts";
import { inParameters } from "./model-words.ts";
import styles from "./models.module.css";
import formStyles from "./popover-form.module.css";

/** Adds a model of the hub: one of those that everyone knows, or any other by its name. */
export function AddModelPopover({ models }: { models: AdminModels }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      width="min(420px, calc(100vw - 32px))"
      position="bottom-start"
    >
      <Popover.Target>
        <Button size="xs" onClick={() => setOpened(!opened)}>
          Add a model…
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Add a model">
        {opened && <AddModelForm models={models} onClose={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}

interface AddModelFormProps {
  models: AdminModels;
  onClose: () => void;
}

function AddModelForm({ models: { models, jobs, hub }, onClose }: AddModelFormProps) {
  const add = useAddModel();
  const [name, setName] = useState("");
  const isRight = hubNameSchema.safeParse(name).success;
  const addNamed = (chosen: string) => add.mutate(chosen, { onSuccess: onClose });
  const standingOf = ({ repository }: KnownModel) => {
    const known = models.find(({ id }) => id === modelIdOf(repository));
    if (known !== undefined) return known.installed ? "installed" : "on another machine";
    return jobs.some((job) => job.repository === repository) ? "being added" : undefined;
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isRight) addNamed(name.trim());
  };
  return (
    <div className={formStyles.form}>
      <ul className={styles.known} aria-label="Known models">
        {knownModels.map((model) => (
          <KnownLine
            key={model.name}
            model={model}
            standing={standingOf(model)}
            pending={add.isPending && add.variables === model.name}
            onAdd={() => addNamed(model.name)}
          />
        ))}
      </ul>
      <form className={styles.other} onSubmit={submit}>
        <TextInput
          className={styles.field ?? ""}
          size="xs"
          label={`Another GPT-2 on ${hub}`}
          placeholder="owner/name"
          autoCapitalize="none"
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button
          type="submit"
          size="xs"
          variant="default"
          disabled={!isRight}
          aria-busy={add.isPending}
        >
          Add it
        </Button>
      </form>
      {add.error !== null && <Refusal error={add.error} />}
    </div>
  );
}

interface KnownLineProps {
  model: KnownModel;
  /** Why it cannot be added now. */
  standing: string | undefined;
  pending: boolean;
  onAdd: () => void;
}

function KnownLine({ model, standing, pending, onAdd }: KnownLineProps) {
  const { name, parameters, downloadBytes, about } = model;
  return (
    <li>
      <div>
        <strong>{name}</strong>
        <span className={styles.about}>{about}</span>
        <span className={styles.about}>
          {inParameters(parameters)} parameters, {inBytes(downloadBytes)} to fetch
        </span>
      </div>
      {standing === undefined ? (
        <Button
          size="xs"
          variant="default"
          aria-label={`Add ${name}`}
          aria-busy={pending}
          onClick={onAdd}
        >
          Add
        </Button>
      ) : (
        <em>{standing}</em>
      )}
    </li>
  );
}

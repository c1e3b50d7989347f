import { Button, Menu, Tooltip } from "@mantine/core";
import {
  IconChevronUp,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconViewfinder,
} from "@tabler/icons-react";
import type { User } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { NameWithKeys } from "../../components/keys.tsx";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import styles from "./run-dock.module.css";
import { ContextMeter, RunSpeed } from "./run-figures.tsx";
import { RunSentence } from "./run-sentence.tsx";
import type { FollowSwitch } from "./use-follow.ts";
import type { MainAction, RunActions, StartPlace } from "./use-run-actions.ts";

interface RunDockProps {
  live: DocumentLive;
  user: User;
  connection: DocumentConnection;
  actions: RunActions;
  follow: FollowSwitch;
}

/** Bottom centre: start, pause or resume, stop; what happens, how fast, how much the model sees. */
export function RunDock({ live, user, connection, actions, follow }: RunDockProps) {
  const { main, stop } = actions;
  const runLives = live.run !== null && isLive(live.run.state);
  return (
    <section className={styles.dock} aria-label="The model">
      {live.failure !== null && (
        <p role="alert" className={styles.failure}>
          {live.failure}
        </p>
      )}
      <div className={styles.bar}>
        {(main !== undefined || stop !== undefined) && (
          <div className={styles.buttons}>
            {main && <MainButton main={main} pending={live.pending !== null} />}
            {main?.name === "Start" && (
              <StartPlaceMenu place={actions.startPlace} onPlace={actions.setStartPlace} />
            )}
            {stop && (
              <Tooltip label={<NameWithKeys name="Stop" of="stop" />}>
                <Button
                  variant="default"
                  className={styles.pill ?? ""}
                  leftSection={<IconPlayerStop size={16} aria-hidden="true" />}
                  onClick={stop}
                >
                  Stop
                </Button>
              </Tooltip>
            )}
          </div>
        )}
        <RunSentence live={live} user={user} connection={connection} />
        <RunSpeed live={live} />
        <ContextMeter live={live} />
        {runLives && <FollowButton follow={follow} />}
      </div>
    </section>
  );
}

function FollowButton({ follow }: { follow: FollowSwitch }) {
  return (
    <Tooltip label={<NameWithKeys name="Keep the model's caret in view" of="follow" />}>
      <Button
        variant="subtle"
        className={styles.follow ?? ""}
        aria-pressed={follow.following}
        leftSection={<IconViewfinder size={16} aria-hidden="true" />}
        onClick={follow.toggle}
      >
        Follow
      </Button>
    </Tooltip>
  );
}

/** Start in red; Pause and Resume, which one presses without thinking, in its place. */
function MainButton({ main, pending }: { main: MainAction; pending: boolean }) {
  const Icon = main.name === "Pause" ? IconPlayerPause : IconPlayerPlay;
  return (
    <Tooltip label={<NameWithKeys name={main.name} of="startOrPause" />}>
      <Button
        variant={main.name === "Pause" ? "filled" : "live"}
        className={styles.pill ?? ""}
        leftSection={<Icon size={16} aria-hidden="true" />}
        aria-busy={pending}
        onClick={() => {
          if (!pending) main.act();
        }}
      >
        {main.name}
      </Button>
    </Tooltip>
  );
}

const places: readonly { value: StartPlace; label: string }[] = [
  { value: "end", label: "At the end of the text" },
  { value: "caret", label: "Where my caret stands" },
];

function StartPlaceMenu({
  place,
  onPlace,
}: {
  place: StartPlace;
  onPlace: (place: StartPlace) => void;
}) {
  return (
    <Menu position="top-start">
      <Menu.Target>
        <Button
          variant="subtle"
          className={styles.place ?? ""}
          rightSection={<IconChevronUp size={14} aria-hidden="true" />}
          aria-label={`Where it starts: ${place === "end" ? "at the end" : "at my caret"}`}
        >
          {place === "end" ? "at the end" : "at my caret"}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Where it starts</Menu.Label>
        <Menu.RadioGroup
          value={place}
          onChange={(chosen) => {
            const found = places.find(({ value }) => value === chosen);
            if (found !== undefined) onPlace(found.value);
          }}
        >
          {places.map(({ value, label }) => (
            <Menu.RadioItem key={value} value={value} closeMenuOnClick>
              {label}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}

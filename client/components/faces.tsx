import { Tooltip, VisuallyHidden } from "@mantine/core";
import { personColour } from "../editor/person-colour.ts";
import styles from "./faces.module.css";

const shownFaces = 4;

/** The people who have the document open, as initials in their colours; the rest as a number. */
export function Faces({ people }: { people: readonly { id: string; name: string }[] }) {
  if (people.length === 0) return null;
  const rest = people.slice(shownFaces);
  return (
    <ul className={styles.faces} aria-label="Here now">
      {people.slice(0, shownFaces).map((person) => (
        <Tooltip key={person.id} label={`${person.name} is here`}>
          <li className={styles.face} style={colourOf(person.id)}>
            <span aria-hidden="true">{initials(person.name)}</span>
            <VisuallyHidden>{person.name}</VisuallyHidden>
          </li>
        </Tooltip>
      ))}
      {rest.length > 0 && (
        <Tooltip label={rest.map(({ name }) => name).join(", ")}>
          <li className={styles.face}>
            <span aria-hidden="true">+{rest.length}</span>
            <VisuallyHidden>{rest.map(({ name }) => name).join(", ")}</VisuallyHidden>
          </li>
        </Tooltip>
      )}
    </ul>
  );
}

/** The CSS variable `--person`, set to the person's colour. */
export function colourOf(userId: string): Record<string, string> {
  return { "--person": personColour(userId) };
}

/** One or two letters: the first of the first and of the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return ends.map((word) => firstLetter(word ?? "")).join("");
}

/** A whole character, also where it takes two UTF-16 units. */
function firstLetter(word: string): string {
  const codePoint = word.codePointAt(0);
  return codePoint === undefined ? "" : String.fromCodePoint(codePoint).toLocaleUpperCase("en");
}

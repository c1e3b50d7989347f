import { Button } from "@mantine/core";
import { CopyButton } from "../../components/copy-button.tsx";
import styles from "./account-page.module.css";

interface RecoveryCodesProps {
  codes: readonly string[];
  onDone: () => void;
}

/** The codes for a lost phone, shown this once. */
export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  const text = codes.join("\n");
  return (
    <div className={styles.form}>
      <p>
        The second factor is on. Keep these codes where you find them without your phone: each signs
        you in once in its place. They are shown only now.
      </p>
      <ul className={styles.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className={styles.buttons}>
        <CopyButton text={text} />
        <Button variant="default" onClick={() => download(`${text}\n`)}>
          Download
        </Button>
        <Button onClick={onDone}>I have kept them</Button>
      </div>
    </div>
  );
}

function download(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "palimpsest-recovery-codes.txt";
  link.click();
  URL.revokeObjectURL(url);
}

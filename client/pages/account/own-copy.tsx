import { Button } from "@mantine/core";
import { exportPath } from "../../api/account.ts";
import styles from "./account-page.module.css";

/** The way to a file with everything that is kept about oneself. */
export function OwnCopy() {
  return (
    <div className={styles.buttons}>
      <Button component="a" href={exportPath} download variant="default">
        Download your data
      </Button>
    </div>
  );
}

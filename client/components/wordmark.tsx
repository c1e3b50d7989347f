import { Link } from "react-router";
import styles from "./wordmark.module.css";

/** The product's name, with the model's caret after it; leads to the documents. */
export function Wordmark() {
  return (
    <Link to="/" className={styles.wordmark}>
      Palimpsest
      <span className={styles.caret} aria-hidden="true" />
    </Link>
  );
}

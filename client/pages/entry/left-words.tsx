import { useQuery } from "@tanstack/react-query";
import { CopyButton } from "../../components/copy-button.tsx";
import styles from "./entry-page.module.css";

/** Words that this browser alone has of an account that may not come in, to copy. */
export function LeftWords({ accountId }: { accountId: string }) {
  const words = useQuery({
    queryKey: ["left-words", accountId],
    queryFn: async () => {
      const { readUnsentWords } = await import("../../editor/unsent-words.ts");
      return readUnsentWords(accountId);
    },
    networkMode: "always",
    gcTime: 0,
  });
  return (words.data ?? []).map((text) => (
    <section key={text} className={styles.said} aria-label="Words that were not saved">
      <p>These words of yours were not saved. They are kept in this browser.</p>
      <blockquote className={styles.left}>{text}</blockquote>
      <CopyButton text={text} />
    </section>
  ));
}

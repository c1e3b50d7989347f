import { Button, Kbd } from "@mantine/core";
import { Refusal } from "../../components/refusal.tsx";
import { RejectPopover } from "./reject-popover.tsx";
import { useDesk } from "./request-desk.ts";
import styles from "./requests.module.css";
import { SearchBox } from "./search-box.tsx";

interface RequestToolsProps {
  search: string;
  onSearch: (search: string) => void;
}

/** Search; what can be done with those chosen; what was done last; the keys. */
export function RequestTools({ search, onSearch }: RequestToolsProps) {
  const desk = useDesk();
  const count = desk.chosen.size;
  return (
    <>
      <SearchBox label="Name, email, organisation" value={search} onSearch={onSearch} />
      {count > 0 && (
        <>
          <Button size="xs" aria-busy={desk.pending} onClick={() => desk.approve([...desk.chosen])}>
            Approve {count}
          </Button>
          <RejectPopover opened={desk.rejecting.length > 1} question={`Reject ${count}?`}>
            <Button size="xs" variant="default" onClick={() => desk.askReason([...desk.chosen])}>
              Reject {count}
            </Button>
          </RejectPopover>
        </>
      )}
      <output className={styles.said}>{desk.said}</output>
      {desk.error !== null && desk.rejecting.length === 0 && <Refusal error={desk.error} />}
      <p className={styles.keys}>
        <Kbd size="xs">j</Kbd>
        <Kbd size="xs">k</Kbd> move, <Kbd size="xs">a</Kbd> approve, <Kbd size="xs">r</Kbd> reject,
        <Kbd size="xs">x</Kbd> choose
      </p>
    </>
  );
}

import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";

/** Copies `text`, and says so for a moment. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const clipboard = useClipboard();
  return (
    <Button variant="default" onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? "Copied" : label}
    </Button>
  );
}

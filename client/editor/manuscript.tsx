import { EditorContent } from "@tiptap/react";
import { useEffect, useRef, useState } from "react";
import { type DocumentConnection, isWritable } from "./document-connection.ts";
import "./manuscript.css";
import {
  createManuscriptEditor,
  type ManuscriptControls,
  type ManuscriptEditor,
} from "./manuscript-editor.ts";
import type { ModelCaret } from "./model-caret.ts";
import type { Replica } from "./replica.ts";
import { useConnectionState } from "./use-connection.ts";

export interface ManuscriptProps {
  connection: DocumentConnection;
  editable: boolean;
  /** The live run's caret; null where no run lives. */
  run: ModelCaret | null;
  /** base64 relative position where the model's window begins; null where it sees all. */
  windowStart: string | null;
  /** "Who wrote what": underlines the model's words. */
  showAuthors: boolean;
  /** Called with each new editor: at first, and again after a refused copy was replaced. */
  onReady?: (controls: ManuscriptControls) => void;
  /** Shown in an empty manuscript. */
  placeholder?: string;
  className?: string;
}

const defaultPlaceholder = "Start with a sentence; the model takes it from there.";

/** The manuscript of a connection: the shared text, everybody's carets, and the model's words tinted. */
export function Manuscript(props: ManuscriptProps) {
  const { connection, showAuthors, className = "" } = props;
  const ready = useConnectionState(connection, (state) => state.ready);
  const replica = useConnectionState(connection, (state) => state.replica);
  const takesWords = useConnectionState(connection, isWritable);
  const editable = props.editable && takesWords;
  return (
    <div
      className={`manuscript ${className}`}
      data-show-authors={showAuthors || undefined}
      aria-busy={!ready}
    >
      {ready && (
        <ReplicaEditor
          {...props}
          key={replica.doc.clientID}
          replica={replica}
          editable={editable}
        />
      )}
    </div>
  );
}

function ReplicaEditor(props: ManuscriptProps & { replica: Replica }) {
  const { replica, editable, run, windowStart, onReady } = props;
  const cradle = useRef<HTMLDivElement>(null);
  const [mounted, setMounted] = useState<ManuscriptEditor | null>(null);
  const first = useRef({ editable, placeholder: props.placeholder ?? defaultPlaceholder });

  useEffect(() => {
    if (cradle.current === null) return undefined;
    const editor = createManuscriptEditor({
      ...first.current,
      element: cradle.current,
      replica,
      onModelAway: replica.pace.setModelAway,
      verify: import.meta.env.DEV,
    });
    setMounted(editor);
    return () => {
      setMounted(null);
      editor.destroy();
    };
  }, [replica]);
  useEffect(() => mounted?.setEditable(editable), [mounted, editable]);
  useEffect(() => mounted?.setWindowStart(windowStart), [mounted, windowStart]);
  useModelCaret(mounted, run);
  const ready = useRef(onReady);
  useEffect(() => {
    ready.current = onReady;
  }, [onReady]);
  useEffect(() => {
    if (mounted !== null) ready.current?.(mounted.controls);
  }, [mounted]);
  // The editor is born in the cradle, which has the page's scroller above it, and moves next door.
  return (
    <>
      <div ref={cradle} />
      <EditorContent editor={mounted?.controls.editor ?? null} />
    </>
  );
}

/** Shows the caret anew only where it says something new: in between, it moves with the text. */
function useModelCaret(mounted: ManuscriptEditor | null, run: ModelCaret | null) {
  const caret = run?.caret;
  const state = run?.state;
  const modelName = run?.modelName;
  useEffect(() => {
    const known = caret !== undefined && state !== undefined && modelName !== undefined;
    mounted?.setRun(known ? { caret, state, modelName } : null);
  }, [mounted, caret, state, modelName]);
}

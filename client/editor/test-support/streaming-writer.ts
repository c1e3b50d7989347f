import * as Y from "yjs";

/** Writes a run's text as the server does: at a relative position on its own last character. */
export interface StreamingWriter {
  readonly run: string;
  offset: () => number;
  write: (words: string) => void;
}

/** A writer that starts at `offset` of `text`. */
export function createStreamingWriter(text: Y.Text, run: string, offset: number): StreamingWriter {
  let caret = Y.createRelativePositionFromTypeIndex(text, offset, offset > 0 ? -1 : 0);
  const place = () => {
    const position = text.doc && Y.createAbsolutePositionFromRelativePosition(caret, text.doc);
    // Never behind the final line break.
    return Math.max(0, Math.min(position?.index ?? 0, text.length - 1));
  };
  return {
    run,
    offset: place,
    write: (words) => {
      text.doc?.transact(() => {
        const at = place();
        text.insert(at, words, { run });
        caret = Y.createRelativePositionFromTypeIndex(text, at + words.length, -1);
      }, run);
    },
  };
}

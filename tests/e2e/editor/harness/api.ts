/** What the page of editors offers to a test, as `globalThis.harness`. Offsets are in the flat text. */
export interface Harness {
  /** Replaces all editors: `people` editors of `text` (with its final line break), linked in memory. */
  open: (options: {
    text: string;
    people?: number;
    strict?: boolean;
    /** Shows the title above each editor. */
    titled?: boolean;
  }) => Promise<void>;
  /** Takes all editors away. */
  close: () => void;
  /** Makes the model write from `offset`, a few words each `intervalMs`; resolves when it is done. */
  stream: (options: {
    words: readonly string[];
    offset: number;
    intervalMs: number;
  }) => Promise<void>;
  /** Someone without an editor changes the text. */
  edit: (change: { offset: number; deleted?: number; inserted?: string }) => void;
  /** The text as the server has it. */
  text: () => string;
  /** The text as one editor shows it, each block closed by a line break. */
  shown: (person: number) => string;
  /** Block types as one editor shows them. */
  blocks: (person: number) => string[];
  /** What one editor shows in the model's ink. */
  modelText: (person: number) => string;
  /** The offset of one editor's caret. */
  caret: (person: number) => number;
  /** The ends of one editor's selection. */
  selection: (person: number) => { anchor: number; head: number };
  /** Puts one editor's caret somewhere and focuses it. */
  focus: (person: number, offset: number) => Promise<void>;
  /**
   * Moves the browser's caret to an offset, as a click does, and lets a remote insertion at the text's
   * start arrive before the browser tells of it. Returns what the editor takes for its caret then.
   */
  clickThenReceive: (person: number, offset: number, inserted: string) => number;
  /**
   * Likewise, and lets a sweep of re-reading be shown before the browser tells of it. Returns what it
   * sweeps over, too.
   */
  clickThenSweep: (person: number, offset: number) => { caret: number; swept: string };
  /** Where an offset is drawn, in pixels. */
  point: (person: number, offset: number) => { x: number; y: number };
  paste: (person: number, data: { text?: string; html?: string }) => void;
  undo: (person: number) => void;
  /**
   * What a browser does of its own accord at an editor's caret: undo by a gesture, a word that the
   * spelling checker replaces. True where the page has not handled it.
   */
  input: (person: number, inputType: string, text?: string) => boolean;
  /** How often editors had to be drawn anew; 0 is right. */
  healed: () => number;
  /** How far the first person's scroller has been scrolled, in pixels. */
  scroll: (top?: number) => number;
  /** The model's caret in the first editor; null takes it away. */
  showModel: (offset: number | null, state?: "breathing" | "still") => void;
  /** The model's window begins here in the first editor; null: it sees all. */
  showWindow: (offset: number | null) => void;
  /** Says to the first editor that the model reads the last edit again. */
  showReread: () => void;
  /** Types `text` at one editor's caret as a program would, in whatever state it is. */
  insertText: (person: number, text: string) => void;
  /** A computed style of the first element that `selector` finds. */
  style: (selector: string, property: "color" | "animation-name") => string;
  /** The shared title. */
  title: () => string;
  follow: (on: boolean) => void;
  isFollowing: () => boolean;
  /** Introduces everybody to everybody, as the server's awareness does. */
  meet: () => void;
  /** Main-thread milliseconds that each flush took in the first editor so far. */
  flushCosts: () => number[];
}

declare global {
  // A global of the page under test; `var` is what makes it one.
  var harness: Harness;
}

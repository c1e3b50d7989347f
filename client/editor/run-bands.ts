import type { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import type { EditorView } from "@tiptap/pm/view";
import { createThrottle } from "./throttle.ts";

/** A stretch of text that one run wrote, with what people wrote into it. */
export interface RunStretch {
  runId: string;
  from: number;
  to: number;
}

/** The lines of a stretch, in pixels below the text's top; a lane is the bar's place in the margin. */
export interface RunBand {
  runId: string;
  top: number;
  bottom: number;
  lane: number;
}

/** A person's passage this long, within a run's paragraph, is a stretch of its own. */
const interruption = 160;
/** The margin has room for so many bars beside each other. */
const lanes = 3;
/** While text streams in, the bars follow at this pace and not with each flush. */
const followMs = 1_000;
/** The first change after a rest, and lines that shift (a resize, a line more), are followed sooner. */
const shiftMs = 120;

/** Calls `listener` with the bands of a manuscript, now and whenever they are others. */
export function watchRunBands(
  editor: Editor,
  listener: (bands: readonly RunBand[]) => void,
): () => void {
  let last: readonly RunBand[] = [];
  let measuredAt = 0;
  const measure = () => {
    if (editor.isDestroyed) return;
    measuredAt = performance.now();
    const bands = keptBands(last, measureBands(editor.view));
    if (bands === last) return;
    last = bands;
    listener(bands);
  };
  const follow = createThrottle(followMs, measure);
  const shift = createThrottle(shiftMs, measure);
  const onTransaction = ({ transaction }: { transaction: { docChanged: boolean } }) => {
    if (!transaction.docChanged) return;
    const isFirst = performance.now() - measuredAt > followMs;
    (isFirst ? shift : follow).request();
  };
  editor.on("transaction", onTransaction);
  const resized = new ResizeObserver(shift.request);
  resized.observe(editor.view.dom);
  measure();
  return () => {
    editor.off("transaction", onTransaction);
    resized.disconnect();
    follow.cancel();
    shift.cancel();
  };
}

/** The stretches of `doc` in the order of the text. A paragraph without the run's words ends one. */
export function runStretches(doc: Node): RunStretch[] {
  const stretches: RunStretch[] = [];
  const open = new Map<string, { stretch: RunStretch; block: number }>();
  let block = 0;
  doc.forEach((line, start) => {
    if (line.content.size === 0) return;
    line.forEach((child, at) => {
      const runId: unknown = child.marks.find(({ type }) => type.name === "run")?.attrs.id;
      if (typeof runId !== "string") return;
      const from = start + 1 + at;
      const to = from + child.nodeSize;
      const known = open.get(runId);
      const goesOn =
        known !== undefined &&
        known.block >= block - 1 &&
        (known.block < block || from - known.stretch.to <= interruption);
      const stretch = goesOn ? known.stretch : { runId, from, to };
      stretch.to = to;
      if (!goesOn) stretches.push(stretch);
      open.set(runId, { stretch, block });
    });
    block += 1;
  });
  return stretches;
}

/** Puts bands into lanes: what follows below shares a lane, what stands beside moves outwards. */
export function laidOut(bands: readonly Omit<RunBand, "lane">[]): RunBand[] {
  const ends: number[] = [];
  return bands.map((band) => {
    const free = ends.findIndex((end) => end <= band.top);
    const lane = free === -1 ? Math.min(ends.length, lanes - 1) : free;
    ends[lane] = band.bottom;
    return { ...band, lane };
  });
}

/** `next`, with the objects of `last` where a band is the same; `last` itself where all are. */
export function keptBands(last: readonly RunBand[], next: readonly RunBand[]): readonly RunBand[] {
  const bands = next.map((band, index) => {
    const before = last[index];
    return before !== undefined && isSameBand(before, band) ? before : band;
  });
  const same = bands.length === last.length && bands.every((band, index) => band === last[index]);
  return same ? last : bands;
}

function isSameBand(left: RunBand, right: RunBand): boolean {
  return (
    left.runId === right.runId &&
    left.top === right.top &&
    left.bottom === right.bottom &&
    left.lane === right.lane
  );
}

function measureBands(view: EditorView): RunBand[] {
  const origin = view.dom.getBoundingClientRect().top;
  let last: Omit<RunBand, "lane"> | undefined;
  const bands = runStretches(view.state.doc).map(({ runId, from, to }) => {
    const start = view.coordsAtPos(from, 1).top - origin;
    const bottom = view.coordsAtPos(to, -1).bottom - origin;
    // A run that begins on the line on which the last one ends takes over below it.
    const shared = last !== undefined && start < last.bottom && bottom > last.bottom;
    const top = shared && last !== undefined ? last.bottom : start;
    last = { runId, top: Math.round(top), bottom: Math.round(bottom) };
    return last;
  });
  return laidOut(bands);
}

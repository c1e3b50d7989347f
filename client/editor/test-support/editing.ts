import {
  deleteSelection,
  joinBackward,
  setBlockType,
  splitBlock,
  toggleMark,
} from "@tiptap/pm/commands";
import { Fragment, Slice } from "@tiptap/pm/model";
import { TextSelection } from "@tiptap/pm/state";
import { flatLength, offsetAt, positionAt } from "../positions.ts";
import { markType, nodeType } from "../schema.ts";
import { isLowSurrogate } from "../surrogates.ts";
import type { HeadlessEditor } from "./headless-editor.ts";
import type { Random } from "./random.ts";

/** Where a person acts: two document positions, in order. */
interface Place {
  from: number;
  to: number;
}

const words = [
  "a",
  "b",
  "foo",
  " ",
  "ß",
  "😀",
  "😁",
  "aa",
  "\u{1F468}\u200D",
  "q\nr",
  "\ud83d",
  "x\0y",
];
type Edit = (editor: HeadlessEditor, place: Place, random: Random) => void;

/** What a person can do; an edit stands here as often as it is drawn. */
const edits: readonly (readonly [name: string, weight: number, edit: Edit])[] = [
  ["type", 5, typeWords],
  ["delete", 2, deleteRange],
  ["split", 2, split],
  ["join", 1, join],
  ["paste", 1, paste],
  ["mark", 2, toggle],
  ["block type", 1, changeBlocks],
  ["undo", 2, undo],
  ["redo", 1, (editor) => void editor.undoManager.redo()],
  ["two places at once", 1, typeInTwoPlaces],
  ["compose", 2, compose],
];
const drawn = edits.flatMap((entry) => Array.from({ length: entry[1] }, () => entry));
const later = ["undo", "redo", "compose"];
const drawnPrompt = drawn.filter(([name]) => !later.includes(name));

export interface EditOptions {
  /** The offset where the model writes; every other edit is near it. */
  focus: number;
  /** No undo, and no composition, which holds back what comes in. */
  prompt: boolean;
}

/** Lets a person do one thing. Returns what, for the log. */
export function editOnce(editor: HeadlessEditor, options: EditOptions, random: Random): string {
  if (editor.composing) {
    const going = random.chance(0.6);
    if (going) composeMore(editor, random);
    else editor.endComposing();
    return going ? "compose on" : "end composing";
  }
  const length = flatLength(editor.state.doc);
  const near = Math.max(0, Math.min(length - 1, options.focus + random.below(12) - 8));
  const from = boundary(editor, random.chance(0.5) ? near : random.below(length));
  const width = random.chance(0.5) ? 0 : random.below(15);
  const to = boundary(editor, Math.min(length - 1, offsetAt(editor.state.doc, from) + width));
  const [name, , edit] = random.pick(options.prompt ? drawnPrompt : drawn);
  edit(editor, { from, to: Math.max(from, to) }, random);
  return `${name} ${from}-${to}`;
}

function select(editor: HeadlessEditor, { from, to }: Place) {
  const { tr, doc } = editor.state;
  editor.dispatch(tr.setSelection(TextSelection.create(doc, from, to)));
}

function typeWords(editor: HeadlessEditor, { from }: Place, random: Random) {
  select(editor, { from, to: from });
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = editor.state.selection;
    editor.aim(at.from, at.to);
    editor.dispatch(editor.state.tr.insertText(random.pick(words), at.from, at.to));
  }
}

function deleteRange(editor: HeadlessEditor, place: Place, random: Random) {
  const all = { from: 1, to: editor.state.doc.content.size - 1 };
  const chosen = random.chance(0.05) ? all : place;
  select(editor, chosen);
  editor.aim(chosen.from, chosen.to);
  deleteSelection(editor.state, editor.dispatch);
}

function split(editor: HeadlessEditor, { from }: Place) {
  select(editor, { from, to: from });
  editor.aim(from, from);
  splitBlock(editor.state, editor.dispatch);
}

function join(editor: HeadlessEditor, { from }: Place) {
  const start = editor.state.doc.resolve(from).start();
  select(editor, { from: start, to: start });
  if (start < 3) return;
  editor.aim(start - 2, start);
  joinBackward(editor.state, editor.dispatch);
}

function paste(editor: HeadlessEditor, place: Place, random: Random) {
  select(editor, place);
  // ProseMirror may take the line break behind the selection, to set whole blocks in its place.
  editor.aim(place.from, Math.min(place.to + 2, editor.state.doc.content.size - 1));
  const blocks = Array.from({ length: 1 + random.below(3) }, () => pastedBlock(editor, random));
  const open = random.chance(0.6) ? 1 : 0;
  const slice = new Slice(Fragment.fromArray(blocks), open, open);
  editor.dispatch(editor.state.tr.replaceSelection(slice));
}

function pastedBlock({ state: { schema } }: HeadlessEditor, random: Random) {
  if (random.chance(0.2)) {
    return nodeType(schema, "heading").create({ level: 1 + random.below(3) }, schema.text("Head"));
  }
  const marks = [
    ...(random.chance(0.3) ? [markType(schema, "run").create({ id: "r1" })] : []),
    ...(random.chance(0.5) ? [markType(schema, "bold").create()] : []),
  ];
  const text = schema.text(random.pick(["pasted", "aa", "x y", "one\u2028two"]), marks);
  return nodeType(schema, "paragraph").create(null, random.chance(0.2) ? undefined : text);
}

function toggle(editor: HeadlessEditor, place: Place, random: Random) {
  select(editor, place);
  editor.aim(0, 0);
  const mark = markType(editor.state.schema, random.pick(["bold", "italic"]));
  toggleMark(mark)(editor.state, editor.dispatch);
}

function changeBlocks(editor: HeadlessEditor, place: Place, random: Random) {
  select(editor, place);
  editor.aim(0, 0);
  const heading = random.chance(0.6);
  const type = nodeType(editor.state.schema, heading ? "heading" : "paragraph");
  const attributes = heading ? { level: 1 + random.below(3) } : null;
  setBlockType(type, attributes)(editor.state, editor.dispatch);
}

function undo(editor: HeadlessEditor, _place: Place, random: Random) {
  editor.undoManager.undo();
  if (random.chance(0.4)) editor.undoManager.undo();
}

/** The worst case for a binding that compares whole documents. */
function typeInTwoPlaces(editor: HeadlessEditor, { from }: Place, random: Random) {
  const other = boundary(editor, random.below(flatLength(editor.state.doc)));
  editor.aim(0, 0);
  const [first, last] = from < other ? [from, other] : [other, from];
  editor.dispatch(editor.state.tr.insertText("X", last).insertText("Y", first));
}

function compose(editor: HeadlessEditor, { from }: Place, random: Random) {
  select(editor, { from, to: from });
  editor.aim(0, 0);
  editor.startComposing();
  composeMore(editor, random);
}

/** As a browser's text node gives it back: in the marks of the place, `run` too. */
function composeMore(editor: HeadlessEditor, random: Random) {
  const { head, $head } = editor.state.selection;
  const text = editor.state.schema.text(
    random.pick(["か", "漢字", "e\u0301", "ㅎ"]),
    $head.marks(),
  );
  editor.aim(0, 0);
  editor.dispatch(editor.state.tr.replaceRangeWith(head, head, text));
}

/** The document position of an offset, never inside a surrogate pair. */
function boundary(editor: HeadlessEditor, offset: number): number {
  const { doc } = editor.state;
  const position = positionAt(doc, offset);
  const { parent, parentOffset } = doc.resolve(position);
  const next = parent.textBetween(parentOffset, Math.min(parent.content.size, parentOffset + 1));
  return isLowSurrogate(next) ? position - 1 : position;
}

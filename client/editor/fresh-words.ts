import { Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { runInsertions } from "./run-insertions.ts";

const freshKey = new PluginKey<DecorationSet>("fresh-words");
/** As long as the animation of `.fresh-words` in manuscript.css. */
const freshMs = 120;
/** More than this at once is no flush but a catching up. */
const mostFreshUnits = 500;

/** Marks the words that the model has just written, for as long as they come in. */
export function freshWordsPlugin(now: () => number): Plugin<DecorationSet> {
  return new Plugin<DecorationSet>({
    key: freshKey,
    state: {
      init: () => DecorationSet.empty,
      apply: (transaction, fresh, _before, state) => {
        if (!transaction.docChanged) return fresh;
        const until = now() + freshMs;
        const words = runInsertions(transaction)
          .filter(({ from, to }) => to - from <= mostFreshUnits)
          .map(({ from, to }) => Decoration.inline(from, to, { class: "fresh-words" }, { until }));
        if (words.length === 0 && fresh === DecorationSet.empty) return fresh;
        const kept = fresh.map(transaction.mapping, transaction.doc);
        const faded = kept.find(undefined, undefined, (spec) => spec.until <= now());
        return kept.remove(faded).add(state.doc, words);
      },
    },
    props: { decorations: (state) => freshKey.getState(state) },
  });
}

import * as Y from "yjs";
import type { Run } from "#shared/run.ts";
import type { RunAnswer } from "#shared/socket-events.ts";
import { type OpenCopy, type Person, signIn, whenText } from "./person.ts";
import type { ServerProcess } from "./server-process.ts";

export interface KillReport {
  rounds: number;
  /** Characters that a client had seen and that were gone after the restart. */
  lostCharacters: number;
  /** Rounds in which the run was not found paused as interrupted. */
  wronglyResumed: number;
  /** Characters typed by the editor that were missing after its client had reconnected. */
  lostTyped: number;
  /** Milliseconds from the start of the process until it was ready, one a round. */
  readyMs: number[];
  /** Characters on show when the process was killed, over all rounds. */
  seenCharacters: number;
}

/** Small seeded generator (mulberry32), so that a failing round can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Characters of `seen` whose items `now` does not hold, plus characters that came back to life. */
function missingCharacters(seen: Y.Doc, now: Y.Doc): number {
  const merged = new Y.Doc();
  Y.applyUpdate(merged, Y.encodeStateAsUpdate(now));
  let changed = 0;
  const body = merged.getText("body");
  body.observe((event) => {
    for (const part of event.delta)
      changed += typeof part.insert === "string" ? part.insert.length : (part.delete ?? 0);
  });
  Y.applyUpdate(merged, Y.encodeStateAsUpdate(seen));
  merged.destroy();
  return changed;
}

function copyOf(doc: Y.Doc): Y.Doc {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
  return copy;
}

async function runCommand(person: Person, event: "run:start" | "run:resume", documentId: string) {
  const socket = person.socket();
  try {
    const answer: RunAnswer = await socket.timeout(10_000).emitWithAck(event, {
      documentId,
      ...(event === "run:start" ? { sampling: { maxTokens: null, seed: 7 } } : {}),
    });
    if (!answer.ok) throw new Error(`${event}: ${answer.code} ${answer.message}`);
  } finally {
    socket.close();
  }
}

async function synced(copy: OpenCopy): Promise<void> {
  if (copy.provider.synced) return;
  await new Promise<void>((resolve) => copy.provider.once("sync", () => resolve()));
}

/**
 * Kills the server in mid-stream, again and again, at random moments: a watcher reads, an editor
 * types, the model writes. After each restart, compares what was seen with what is there.
 */
export async function killRounds(
  server: ServerProcess,
  { rounds, seed }: { rounds: number; seed: number },
): Promise<KillReport> {
  const random = seededRandom(seed);
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  const editor = await signIn(server.url, "editor@demo.test");
  const { document } = await sponsor.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "Killed in mid-stream",
    body: "Once upon a time there was a mill by the river.",
  });
  const path = `/api/documents/${document.id}`;
  await sponsor.json("PUT", `${path}/assignments`, { email: "editor@demo.test", role: "editor" });

  const report: KillReport = {
    rounds,
    lostCharacters: 0,
    wronglyResumed: 0,
    lostTyped: 0,
    readyMs: [],
    seenCharacters: 0,
  };
  let editorDoc = new Y.Doc();
  for (let round = 0; round < rounds; round++) {
    const watching = sponsor.open(document.id);
    const editing = editor.open(document.id, editorDoc);
    await Promise.all([synced(watching), synced(editing)]);
    const before = watching.text().length;
    await runCommand(sponsor, round === 0 ? "run:start" : "run:resume", document.id);
    await whenText(watching, (text) => text.length > before);
    const word = `[${round}]`;
    editing.body.insert(0, word);
    await new Promise((later) => setTimeout(later, random() * 300));
    await server.killHard();

    const seen = copyOf(watching.doc);
    watching.close();
    editing.provider.destroy();
    report.seenCharacters += seen.getText("body").length;
    report.readyMs.push(await server.start());

    const fresh = sponsor.open(document.id);
    await synced(fresh);
    report.lostCharacters += missingCharacters(seen, fresh.doc);
    const { document: now } = await sponsor.json<{ document: { run: Run | null } }>("GET", path);
    if (now.run?.state !== "paused" || now.run.reason !== "interrupted") report.wronglyResumed++;

    const back = editor.open(document.id, editorDoc);
    await synced(back);
    await whenText(fresh, (text) => text.includes(word)).catch(() => {
      report.lostTyped += word.length;
    });
    back.close();
    fresh.close();
    const reloaded = copyOf(editorDoc);
    editorDoc.destroy();
    editorDoc = reloaded;
    seen.destroy();
  }
  return report;
}

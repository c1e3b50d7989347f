import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  type Asked,
  type ContestantName,
  type ContestantSettings,
  type Reply,
  replySchema,
  type Wish,
  type Writing,
  type Written,
} from "./contestant.ts";
import { memoryOfTree } from "./process-memory.ts";

const answerWithinMs = 180_000;
const plain: Wish = { sampling: "greedy", alternatives: 0 };

/** A contestant in a process of its own, as the benchmark sees it. One question at a time. */
export class RemoteContestant {
  readonly name: ContestantName;
  readonly #child: ChildProcess;
  #closing: Promise<void> | undefined;

  private constructor(name: ContestantName, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /** Resolves when its model is loaded. */
  static async start(settings: ContestantSettings): Promise<RemoteContestant> {
    const path = fileURLToPath(new URL("./contestant-process.ts", import.meta.url));
    const child = fork(path, [JSON.stringify(settings)], {
      execArgv: ["--import", import.meta.resolve("tsx")],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await answerOf(child);
    return new RemoteContestant(settings.name, child);
  }

  /** Writes to several documents at once; each one's times are counted from the same moment. */
  async write(
    writings: readonly Writing[],
    count: number,
    wish: Wish = plain,
    { watchesLoop = false } = {},
  ): Promise<{ documents: Written[]; eventLoopMs: number }> {
    const copies = writings.map(({ document, prompt }) => ({ document, prompt: [...prompt] }));
    const asked = { type: "write", writings: copies, count, wish, watchesLoop } as const;
    const reply = await this.#ask(asked);
    if (reply.type !== "written") throw new Error(`${this.name} answered ${reply.type}.`);
    return reply;
  }

  async forget(): Promise<void> {
    await this.#ask({ type: "forget" });
  }

  async crash(): Promise<{ knownMs: number; backMs: number }> {
    const reply = await this.#ask({ type: "crash" });
    if (reply.type !== "crashed") throw new Error(`${this.name} answered ${reply.type}.`);
    return reply;
  }

  /** Megabytes that its process and all it started hold now. */
  memory(): number {
    return memoryOfTree(this.#child.pid ?? 0);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.#ask({ type: "close" }).catch(() => this.#child.kill("SIGKILL"));
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
  }

  async #ask(asked: Asked): Promise<Reply> {
    const answer = answerOf(this.#child);
    this.#child.send(asked);
    const reply = await answer;
    if (reply.type === "failed") throw new Error(`${this.name}: ${reply.message}`);
    return reply;
  }
}

function answerOf(child: ChildProcess): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      clearTimeout(timer);
      child.off("message", hear);
      child.off("exit", fail);
      act();
    };
    const hear = (message: unknown) => end(() => resolve(replySchema.parse(message)));
    const fail = () => end(() => reject(new Error("The contestant's process ended.")));
    const timer = setTimeout(
      () => end(() => reject(new Error("The contestant did not answer in time."))),
      answerWithinMs,
    );
    child.once("message", hear);
    child.once("exit", fail);
  });
}

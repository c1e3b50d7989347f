import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FetchProgress, fetchModel } from "./fetch-model.ts";
import { createHub } from "./hub.ts";
import { tinySource } from "./test-support/model-source.ts";
import { openTestHub, type TestHub } from "./test-support/test-hub.ts";

const repository = "someone/tiny";
const weights = "model.safetensors";
const patience = { failures: 3, pauseMs: 1, mostPauseMs: 5 };

let root: string;
let folder: string;
let hub: TestHub;
let progress: FetchProgress[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fetch-"));
  folder = join(root, "download");
  hub = await openTestHub(repository, tinySource());
  progress = [];
});
afterEach(async () => {
  await hub.close();
  await rm(root, { recursive: true });
});

interface Choice {
  token?: string;
  silenceMs?: number;
  readFree?: () => Promise<number>;
  signal?: AbortSignal;
  url?: string;
  onProgress?: (progress: FetchProgress) => void;
}

function fetchTiny(choice: Choice = {}): Promise<void> {
  const { token, silenceMs, readFree, signal, url = hub.url } = choice;
  return fetchModel(
    {
      hub: createHub({ url, token, silenceMs }),
      repository,
      folder,
      importCommand: "npm run cli -- models import FOLDER --id tiny",
      onProgress: (one) => {
        progress.push(one);
        choice.onProgress?.(one);
      },
      patience,
      readFree,
    },
    signal ?? new AbortController().signal,
  );
}

/** The names of the files that are there as the hub has them; no unfinished one lies beside. */
async function wholeFiles(): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).toSorted();
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return names.filter((name, index) => contents[index]?.equals(hub.files[name] ?? Buffer.of()));
}

const everything = () => Object.keys(hub.files).toSorted();

const contentRequests = () => hub.seen.filter(({ host }) => host === "content");
const rangesAsked = () => contentRequests().map(({ headers }) => headers.range);

describe("E14: a model of the hub is fetched whole or not at all", () => {
  test("over a redirect to another host, all of one commit, with progress", async () => {
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    expect(contentRequests().map(({ path }) => path)).toEqual([`/signed/${weights}`]);
    const later = hub.seen.filter(({ host, path }) => host === "hub" && !path.includes("/main/"));
    expect(later.every(({ path }) => path.includes(hub.commit))).toBe(true);
    const total = Object.values(hub.files).reduce((sum, { length }) => sum + length, 0);
    expect(progress.at(-1)).toEqual({ step: "verifying", done: total, total });
    expect(new Set(progress.map(({ step }) => step)).size).toBe(3);
  });

  test("a hub without redirects and commits will do", async () => {
    Object.assign(hub.manners, { redirects: false, tellsCommit: false });
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
  });

  test("an old repository without tokenizer_config.json and README.md gets the first", async () => {
    delete hub.files["tokenizer_config.json"];
    delete hub.files["README.md"];
    await fetchTiny();
    const config = await readFile(join(folder, "tokenizer_config.json"), "utf8");
    expect(JSON.parse(config)).toEqual({ tokenizer_class: "GPT2Tokenizer" });
  });

  test("cut connections are taken up where they broke off, on the same file only", async () => {
    hub.troubles.set(weights, [
      { kind: "cut", afterBytes: 20_000 },
      { kind: "cut", afterBytes: 30_000 },
    ]);
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    const offsets = rangesAsked().map((range) => Number(/\d+/.exec(range ?? "0")?.[0]));
    expect(offsets).toHaveLength(3);
    expect(offsets[0]).toBe(0);
    expect(offsets[1]).toBeGreaterThan(0);
    expect(offsets[2]).toBeGreaterThan(offsets[1] ?? Infinity);
    expect(contentRequests()[1]?.headers["if-range"]).toMatch(/^"[0-9a-f]{64}"$/);
  });

  test("more breaks than the patience has, each of which gains something, are lived through", async () => {
    const cut = { kind: "cut", afterBytes: 8_192 } as const;
    hub.troubles.set(weights, [cut, cut, cut, cut, cut, cut]);
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
  });

  test("a server that knows no ranges begins anew, and one that never gains is given up", async () => {
    hub.manners.ignoresRanges = true;
    hub.troubles.set(weights, [{ kind: "cut", afterBytes: 20_000 }]);
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    await rm(folder, { recursive: true });
    const cut = { kind: "cut", afterBytes: 20_000 } as const;
    hub.troubles.set(
      weights,
      Array.from({ length: 9 }, () => cut),
    );
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_unreachable" });
    expect(hub.troubles.get(weights)?.length).toBeGreaterThan(4);
  });

  test("a later call goes on with what an earlier one left", async () => {
    hub.troubles.set(weights, [
      { kind: "cut", afterBytes: 20_000 },
      ...Array.from({ length: 9 }, () => ({ kind: "status", status: 503 }) as const),
    ]);
    await expect(fetchTiny()).rejects.toThrow("models import FOLDER --id tiny");
    const { size } = await stat(join(folder, `${weights}.part`));
    expect(size).toBeGreaterThan(0);
    hub.troubles.clear();
    hub.seen.length = 0;
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    expect(rangesAsked()).toEqual([`bytes=${size}-`]);
  });

  test("what was begun of another content is not gone on with", async () => {
    hub.troubles.set(weights, [
      { kind: "cut", afterBytes: 20_000 },
      ...Array.from({ length: 9 }, () => ({ kind: "status", status: 503 }) as const),
    ]);
    await expect(fetchTiny()).rejects.toThrow("503");
    hub.troubles.clear();
    hub.seen.length = 0;
    hub.files[weights] = Buffer.from(hub.files[weights] ?? []).fill(7, 30_000);
    hub.commit = "d".repeat(40);
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    expect(rangesAsked()).toEqual([undefined]);
  });

  test("once all is here the hub is not asked again", async () => {
    await fetchTiny();
    await hub.close();
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
    hub = await openTestHub(repository, tinySource());
  });
});

describe("E14: what comes is what the hub announced", () => {
  test("a wrong SHA-256 is refused and what is wrong does not stay", async () => {
    hub.manners.announced = { [weights]: { sha256: "0".repeat(64) } };
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_damaged" });
    expect(contentRequests()).toHaveLength(1);
    expect(await readdir(folder)).not.toContain(weights);
    expect(await readdir(folder)).not.toContain(`${weights}.part`);
  });

  test("damage in what an earlier attempt left is mended by fetching all of it once more", async () => {
    hub.troubles.set(weights, [
      { kind: "cut", afterBytes: 20_000 },
      ...Array.from({ length: 9 }, () => ({ kind: "status", status: 503 }) as const),
    ]);
    await expect(fetchTiny()).rejects.toThrow("503");
    const part = join(folder, `${weights}.part`);
    await writeFile(part, (await readFile(part)).fill(1));
    hub.troubles.clear();
    await fetchTiny();
    expect(await wholeFiles()).toEqual(everything());
  });

  test("a small file is compared with its id in git", async () => {
    const other = Buffer.from(hub.files["config.json"] ?? []).fill(32);
    hub.troubles.set("config.json", [{ kind: "other", bytes: other }]);
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_damaged" });
  });

  test("sizes: larger, smaller or unknown ones are refused", async () => {
    const real = hub.files[weights]?.length ?? 0;
    for (const bytes of [real - 1, real + 1]) {
      hub.manners.announced = { [weights]: { bytes } };
      await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_damaged" });
    }
    hub.manners.announced = { [weights]: { bytes: 70e9 } };
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_unsuitable" });
  });

  test("weights without a SHA-256 are not fetched", async () => {
    hub.manners.announced = { [weights]: { sha256: "none" } };
    await expect(fetchTiny()).rejects.toThrow("SHA-256");
    expect(contentRequests()).toEqual([]);
  });
});

describe("E14: trouble is said with what to do", () => {
  test("a busy hub is asked again when it says", async () => {
    hub.troubles.set("hub config.json", [
      { kind: "status", status: 429, headers: { "retry-after": "1" } },
      { kind: "status", status: 503 },
    ]);
    const began = Date.now();
    await fetchTiny();
    expect(Date.now() - began).toBeGreaterThan(950);
    hub.troubles.set("hub config.json", [
      { kind: "status", status: 429, headers: { "retry-after": "3600" } },
    ]);
    await rm(folder, { recursive: true });
    await expect(fetchTiny()).rejects.toThrow("60 minutes");
  });

  test("a silent connection counts as broken", async () => {
    hub.troubles.set(weights, [{ kind: "silent", afterBytes: 20_000 }]);
    await fetchTiny({ silenceMs: 200 });
    expect(await wholeFiles()).toEqual(everything());
    expect(rangesAsked()).toHaveLength(2);
  });

  test("a slow one that keeps sending does not", async () => {
    hub.manners.pauseMs = 20;
    await fetchTiny({ silenceMs: 200 });
    expect(await wholeFiles()).toEqual(everything());
    expect(rangesAsked()).toHaveLength(1);
  });

  test("no such model, one that is not open to all, and one that is no GPT-2", async () => {
    const asked = (name: string, url: string) =>
      fetchModel(
        {
          hub: createHub({ url }),
          repository: name,
          folder,
          importCommand: "",
          onProgress: () => {},
          patience,
        },
        new AbortController().signal,
      );
    await expect(asked("someone/other", hub.url)).rejects.toMatchObject({
      code: "hub_not_found",
      message: expect.stringContaining("HUB_TOKEN"),
    });
    const gated = { "x-error-code": "GatedRepo" };
    hub.troubles.set("hub config.json", [{ kind: "status", status: 403, headers: gated }]);
    await expect(fetchTiny()).rejects.toThrow("accept its terms");
    delete hub.files[weights];
    hub.files["pytorch_model.bin"] = Buffer.from("pickle");
    await expect(fetchTiny()).rejects.toThrow("pickle");
    hub.files["model.safetensors.index.json"] = Buffer.from("{}");
    await expect(fetchTiny()).rejects.toThrow("several files");
    delete hub.files["tokenizer.json"];
    await expect(fetchTiny()).rejects.toThrow("no tokenizer.json");
  });

  test("a machine without a network is told what to copy and which command then", async () => {
    await hub.close();
    const failing = fetchTiny();
    await expect(failing).rejects.toMatchObject({ code: "hub_unreachable" });
    await expect(failing).rejects.toThrow(
      /config\.json, tokenizer\.json, model\.safetensors.* from http.*\/someone\/tiny\/tree\/main .*npm run cli -- models import FOLDER --id tiny/,
    );
    hub = await openTestHub(repository, tinySource());
  });

  test("a disk without room is noticed before anything large is fetched", async () => {
    await expect(fetchTiny({ readFree: async () => 10_000 })).rejects.toMatchObject({
      code: "disk_full",
    });
    expect(contentRequests()).toEqual([]);
  });

  test("cancelling ends it at once and keeps what is here", async () => {
    hub.manners.pauseMs = 20;
    const cancel = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ done }: FetchProgress) => {
      if (done > 30_000) cancel.abort(reason);
    };
    await expect(fetchTiny({ signal: cancel.signal, onProgress })).rejects.toBe(reason);
    expect((await stat(join(folder, `${weights}.part`))).size).toBeGreaterThan(20_000);
  });
});

describe("E15: a redirect leads nowhere that it should not", () => {
  test("the token goes to the hub alone", async () => {
    await fetchTiny({ token: "secret" });
    const carrying = hub.seen.filter(({ headers }) => headers.authorization !== undefined);
    expect(carrying.length).toBeGreaterThan(5);
    expect(new Set(carrying.map(({ host }) => host))).toEqual(new Set(["hub"]));
  });

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/x", "not an address"])("%s", async (to) => {
    hub.manners.location = { [weights]: to === "not an address" ? "http://" : to };
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_refused" });
  });

  test("a circle ends", async () => {
    hub.manners.location = { [weights]: `${hub.url}/${repository}/resolve/main/${weights}` };
    await expect(fetchTiny()).rejects.toMatchObject({ code: "hub_refused" });
  });
});

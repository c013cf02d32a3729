import { randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { isatty } from "node:tty";
import { localOffset, systemClock } from "../../../kernel/clock.ts";
import type { Context, Options } from "../../../kernel/command.ts";
import { printable } from "../../../kernel/config/problems.ts";
import { localDay } from "../../../kernel/core/local-time.ts";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import type { Database } from "../../../kernel/runtime.ts";
import { openStore, readStore } from "../../../kernel/store.ts";
import type { Interval } from "../../core/history.ts";
import { sinceDay } from "../../core/stats.ts";
import { addInterval, history, historyFrom, schema, tasks } from "../journal.ts";
import { poke } from "../poke.ts";
import { checker, plain, plainTags } from "./check.ts";
import { type Draft, Wrong } from "./format.ts";
import { type FormatName, loadFormat } from "./formats.ts";

/** History for other programs, and theirs for us. */

const LARGEST_FILE = 64 * 2 ** 20;
/** Text is written in pieces of about so many characters: a history may be long. */
const PIECE = 64 * 1024;

const EXTENSIONS: Readonly<Record<string, FormatName>> = {
  ".ics": "ical",
  ".csv": "csv",
  ".json": "json",
  ".jsonl": "json",
  ".ndjson": "json",
};

/** The format that was asked for, else the one a file's name tells. @throws Expected 2 */
function formatFor(asked: unknown, path: string | undefined): FormatName {
  if (asked !== undefined) return asked as FormatName;
  const guess =
    basename(path ?? "") === "history" ? "openpomodoro" : EXTENSIONS[extname(path ?? "").toLowerCase()];
  if (guess) return guess;
  throw new Expected(Exit.usage, "which format?", "--format openpomodoro, json, csv or ical");
}

/** `stint pomo export`. @throws Expected 2 without a format, 74 when the file can't be written */
export async function exportHistory({ output, profile }: Context, options: Options): Promise<number> {
  const path = options["output"] as string | undefined;
  const name = formatFor(options["format"], path);
  const format = await loadFormat(name);
  const since = options["since"] as { days: number } | { date: string } | undefined;
  const now = systemClock.wall();
  const all = await readStore([schema], (db) =>
    since ? historyFrom(db, profile, sinceDay(since, localDay(now, localOffset(now)))) : history(db, profile),
  );
  const wanted = (all ?? []).map(({ id: _, ...row }) => {
    return { ...row, task: plain(row.task ?? "") || null, tags: plainTags(row.tags) };
  });
  const rows = format.holds ? wanted.filter(format.holds) : wanted;

  const pieces = inPieces(format.write(rows));
  if (path === undefined || path === "-") {
    for (const piece of pieces) {
      output.text(piece);
      if (output.closed) return Exit.ok;
    }
  } else {
    writeFile(path, pieces);
    const record = { type: "export", format: name, path, written: rows.length };
    output.emit(record, () => `${count(rows.length, "interval")} written to ${path}`);
  }
  const leftOut = wanted.length - rows.length;
  if (leftOut > 0) output.note(`${count(leftOut, "interval")} left out: ${name} has completed work alone`);
  return Exit.ok;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

function* inPieces(texts: Iterable<string>): Generator<string> {
  let piece = "";
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

/** Whoever reads the file sees the old one or the new one; a device or a pipe is written to as it stands. */
function writeFile(path: string, pieces: Iterable<string>): void {
  let temporary: string | undefined;
  try {
    const old = statSync(path, { throwIfNoEntry: false });
    const target = old ? realpathSync(path) : path;
    if (!old || old.isFile()) {
      temporary = join(dirname(target), `.${basename(target)}.${randomBytes(8).toString("hex")}`);
    }
    const fd = temporary === undefined ? openSync(path, "w") : openSync(temporary, "wx", 0o600);
    try {
      for (const piece of pieces) writeAll(fd, piece);
      if (temporary !== undefined) {
        if (old) fchmodSync(fd, old.mode & 0o777);
        fsyncSync(fd);
      }
    } finally {
      closeSync(fd);
    }
    if (temporary !== undefined) renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined && existsSync(temporary)) rmSync(temporary);
    if (errno(error) === undefined) throw error;
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error)}`);
  }
}

function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
}

/**
 * `stint pomo import`: all of the file or, when a line of it is wrong, nothing.
 * @throws Expected 2 without a file or a format, 74 for what can't be read, naming the line
 */
export async function importHistory(
  { output, profile }: Context,
  file: string | undefined,
  options: Options,
): Promise<number> {
  const path = file === "-" ? undefined : file;
  if (file === undefined && isatty(0)) {
    throw new Expected(Exit.usage, "which file?", "stint pomo import FILE, or its text on stdin");
  }
  const format = await loadFormat(formatFor(options["format"], path));
  const label = path ?? "stdin";
  const text = await readText(path, label);
  const check = await checker();
  const now = systemClock.wall();
  const found: { interval: Interval; exact: boolean }[] = [];
  const skipped = new Map<string, number>();
  const skip = (why: string) => skipped.set(why, (skipped.get(why) ?? 0) + 1);
  const take = (draft: Draft) => {
    if ("skip" in draft) return skip(draft.skip);
    const interval = check(draft.fields);
    if (typeof interval === "string") throw new Wrong(draft.line, interval);
    const { exact, roundedUp = 0 } = draft;
    // A calendar's plans, and the pomodoro that another program has running.
    if (interval.started_at > now || interval.ended_at - roundedUp > now) return skip("what isn't over yet");
    found.push({ interval: interval.ended_at > now ? endedAt(interval, now) : interval, exact });
  };
  try {
    for (const draft of format.read(text)) take(draft);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const hint = "nothing was imported";
    throw new Expected(Exit.io, printable(`${label}:${error.line}: ${error.message}`), hint);
  }

  let added = 0;
  if (found.length > 0) {
    await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
    added = await store.write((db) => addNew(db, profile, found));
  }
  if (added > 0) await poke(profile);
  const known = found.length - added;
  const left = [...skipped.values()].reduce((sum, n) => sum + n, 0);
  output.emit(
    { type: "import", added, known, skipped: left },
    () => `${added} added, ${known} known already, ${left} skipped`,
  );
  for (const [why, n] of skipped) output.note(`skipped ${n}: ${why}`);
  return Exit.ok;
}

/** An interval whose length was rounded up past this moment. */
const endedAt = (interval: Interval, now: number): Interval => ({
  ...interval,
  ended_at: now,
  elapsed_ms: Math.min(interval.elapsed_ms, now - interval.started_at),
});

/** Adds the intervals that history doesn't have, each linked to the profile's task that it was on, if there is one. @returns how many those were */
function addNew(
  db: Database,
  profile: string,
  found: readonly { interval: Interval; exact: boolean }[],
): number {
  const all = tasks(db, profile).map(({ id, title, done_at }) => ({ id, title: plain(title), done_at }));
  const numbered = new Map(all.map(({ id, title }) => [id, title]));
  const open = new Map(all.filter(({ done_at }) => done_at === null).map(({ id, title }) => [title, id]));
  /** A number means the same task only where that was numbered so; else its title says which of the open ones. */
  const linked = ({ task, task_id }: Interval): number | null => {
    if (task === null) return null;
    return task_id !== null && numbered.get(task_id) === task ? task_id : (open.get(task) ?? null);
  };
  const known = new Set<string>();
  const key = ({ type, started_at, task }: Interval, unit: number): string =>
    `${unit} ${type} ${Math.floor(started_at / unit)} ${task ?? "\n"}`;
  const remember = (interval: Interval) => known.add(key(interval, 1)).add(key(interval, 1000));
  const earliest = found.reduce((least, { interval }) => Math.min(least, interval.started_at), Infinity);
  for (const row of history(db, profile, earliest - 1000)) {
    remember({ ...row, task: plain(row.task ?? "") || null });
  }
  let added = 0;
  for (const { interval, exact } of found) {
    if (known.has(key(interval, exact ? 1 : 1000))) continue;
    remember(interval);
    addInterval(db, profile, { ...interval, task_id: linked(interval) });
    added++;
  }
  return added;
}

/** All of a file, or of stdin. @throws Expected 74 when it can't be read, is too large or no UTF-8 */
async function readText(path: string | undefined, label: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of path === undefined ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size > LARGEST_FILE) break;
    }
  } catch (error) {
    throw new Expected(Exit.io, `${label} can't be read: ${errno(error) ?? message(error)}`);
  }
  if (size > LARGEST_FILE) throw new Expected(Exit.io, `${label} is larger than 64 MB`, "import it in parts");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Expected(Exit.io, `${label} isn't UTF-8 text`, "save it as UTF-8");
  }
}

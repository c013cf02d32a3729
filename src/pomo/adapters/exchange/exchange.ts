import { localOffset, systemClock } from "../../../kernel/clock.ts";
import type { Context, Options } from "../../../kernel/command.ts";
import { localDay } from "../../../kernel/core/local-time.ts";
import { plain, plainTags } from "../../../kernel/core/plain.ts";
import { Exit } from "../../../kernel/errors.ts";
import {
  formatFor,
  readText,
  sourceOf,
  tellImport,
  Wrong,
  writeText,
  wrongIn,
} from "../../../kernel/exchange.ts";
import type { Database } from "../../../kernel/runtime.ts";
import { openStore, readStore } from "../../../kernel/store.ts";
import type { Interval } from "../../core/history.ts";
import { sinceDay } from "../../core/stats.ts";
import { addInterval, history, historyFrom, schema, tasks } from "../journal.ts";
import { poke } from "../poke.ts";
import { checker } from "./check.ts";
import type { Draft } from "./format.ts";
import { type FormatName, loadFormat } from "./formats.ts";

/** History for other programs, and theirs for us. */

const FORMATS: { names: Readonly<Record<string, FormatName>>; choices: string } = {
  names: {
    ".ics": "ical",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    history: "openpomodoro",
  },
  choices: "openpomodoro, json, csv or ical",
};

/** `stint pomo export`. @throws Expected 2 without a format, 74 when the file can't be written */
export async function exportHistory({ output, profile }: Context, options: Options): Promise<number> {
  const path = options["output"] as string | undefined;
  const name = formatFor(options["format"], path, FORMATS);
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

  if (writeText(output, path, format.write(rows))) {
    const record = { type: "export", format: name, path, written: rows.length };
    output.emit(record, () => `${count(rows.length, "interval")} written to ${path}`);
  }
  if (output.closed) return Exit.ok;
  const leftOut = wanted.length - rows.length;
  if (leftOut > 0) output.note(`${count(leftOut, "interval")} left out: ${name} has completed work alone`);
  return Exit.ok;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/**
 * `stint pomo import`: all of the file or, when a line of it is wrong, nothing.
 * @throws Expected 2 without a file or a format, 74 for what can't be read, naming the line
 */
export async function importHistory(
  { output, profile }: Context,
  file: string | undefined,
  options: Options,
): Promise<number> {
  const source = sourceOf(file, "stint pomo import");
  const format = await loadFormat(formatFor(options["format"], source.path, FORMATS));
  const text = await readText(source);
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
    throw wrongIn(source, error);
  }

  let added = 0;
  if (found.length > 0) {
    await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
    added = await store.write((db) => addNew(db, profile, found));
  }
  if (added > 0) await poke(profile);
  tellImport(output, { added, known: found.length - added, skipped });
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

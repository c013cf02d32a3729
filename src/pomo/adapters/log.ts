import { momentOf } from "../../kernel/arguments.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { dayText, localDay, localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Line } from "../../kernel/output.ts";
import type { Database } from "../../kernel/runtime.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { printTable } from "../../kernel/table.ts";
import type { HistoryRow } from "../core/history.ts";
import { type Filter, isWanted, sinceDay } from "../core/stats.ts";
import {
  addInterval,
  changeInterval,
  deleteInterval,
  findInterval,
  hasHistory,
  history,
  historyFrom,
  overlapping,
  schema,
} from "./journal.ts";
import { poke } from "./poke.ts";
import { checkTags, checkText, namedTask } from "./tasks.ts";

const DEFAULT_DURATION_MS = 25 * 60_000;

const lineOf = ({ type, ...rest }: HistoryRow): Line => ({ type: "interval", session_type: type, ...rest });

const WORDS = { WORK: "work", SHORT_BREAK: "break", LONG_BREAK: "long break" } as const;

/** Its date and time where it was, what it was, how long, how it ended. */
function cellsOf({ id, type, started_at, utc_offset_min, elapsed_ms, outcome, task }: HistoryRow): string[] {
  const began = localTime(started_at, utc_offset_min);
  const time = began.toPlainTime().toString().slice(0, 5);
  const day = began.toPlainDate().toString();
  return [String(id), day, time, WORDS[type], spokenDuration(elapsed_ms), outcome, task ?? ""];
}

/** What `--task` and `--tag` ask for. @throws Expected 2 for what can be neither */
export function filterOf({ task, tag }: Options): Filter {
  return {
    task: task === undefined ? undefined : checkText(String(task), "title"),
    tags: tag === undefined ? undefined : checkTags(tag),
  };
}

/** `stint pomo log` */
export async function showLog({ output, profile }: Context, options: Options): Promise<number> {
  const wall = systemClock.wall();
  const span = (options["since"] as { days: number } | { date: string } | undefined) ?? { days: 7 };
  const first = sinceDay(span, localDay(wall, localOffset(wall)));
  const all = options["all"] === true;
  const filter = filterOf(options);
  const read = await readStore([schema], (db) => ({
    some: hasHistory(db, profile),
    rows: all ? history(db, profile) : historyFrom(db, profile, first),
  }));
  const rows = read?.rows.filter((row) => isWanted(row, filter)) ?? [];
  if (output.json) for (const row of rows) output.emit(lineOf(row));
  else if (!read?.some) output.note("nothing yet: stint pomo start");
  else if (rows.length === 0) {
    output.note(all ? "nothing of that" : `nothing since ${dayText(first)}: --all shows what was before`);
  } else {
    const head = ["ID", "DATE", "TIME", "TYPE", "LASTED", "OUTCOME", "TASK"];
    // Yellow beside its word: what was broken off.
    const colour = ({ outcome }: HistoryRow) => (outcome === "interrupted" ? 33 : undefined);
    printTable(
      output,
      head,
      rows.map((row) => ({ cells: cellsOf(row), colour: colour(row) })),
      6,
    );
  }
  return Exit.ok;
}

/** Refuses what hasn't been yet. @throws Expected 2 */
function past<Row extends Pick<HistoryRow, "started_at" | "utc_offset_min" | "ended_at">>(row: Row): Row {
  if (row.started_at < 0) throw new Expected(Exit.usage, "that was before 1970");
  if (row.ended_at > systemClock.wall()) {
    const end = localTime(row.ended_at, row.utc_offset_min).toPlainDateTime().toString().slice(0, 16);
    const hint = "history is of what is over; --start takes a date as well: 2026-11-22 14:05";
    throw new Expected(Exit.usage, `it would end at ${end.replace("T", " ")}, in the future`, hint);
  }
  return row;
}

/** What was worked on: an open task by number or title, or a title that is no task's. */
function workedOn(db: Database, profile: string, text: string) {
  const task = namedTask(db, profile, text);
  return { task: task?.title ?? checkText(text, "title"), task_id: task?.id ?? null, tags: task?.tags ?? [] };
}

/** `7`, or `#7` */
function idOf(text: string): number {
  const [, id] = /^#?(\d{1,15})$/.exec(text.trim()) ?? [];
  if (id !== undefined) return Number(id);
  throw new Expected(Exit.usage, `'${text}' is no interval's id`, "stint pomo log shows them");
}

function found(db: Database, profile: string, id: number): HistoryRow {
  const row = findInterval(db, profile, id);
  if (row) return row;
  throw new Expected(
    Exit.no,
    `there is no interval ${id} in profile ${profile}`,
    "stint pomo log shows them",
  );
}

/** Makes one change of history, tells of the interval that it was on, and lets the timer know. */
async function change(
  { output, profile }: Context,
  said: string,
  work: (db: Database) => HistoryRow,
): Promise<number> {
  {
    await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
    const row = await store.write(work);
    output.emit(lineOf(row), () => `${said} ${cellsOf(row).join("  ").trimEnd()}`);
  }
  await poke(profile);
  return Exit.ok;
}

/** `stint pomo log add [TASK]` */
export async function addEntry(
  context: Context,
  text: string | undefined,
  options: Options,
): Promise<number> {
  const { profile } = context;
  const length = (options["duration"] as number | undefined) ?? DEFAULT_DURATION_MS;
  const tags = checkTags(options["tag"]);
  const now = systemClock.wall();
  const today = dayText(localDay(now, localOffset(now)));
  const start = options["start"] as string | undefined;
  const began =
    start === undefined ? { wall: now - length, offset: localOffset(now - length) } : momentOf(start, today);
  let others: HistoryRow[] = [];
  const code = await change(context, "added", (db) => {
    const on = text === undefined ? { task: null, task_id: null, tags: [] } : workedOn(db, profile, text);
    const interval = past({
      type: "WORK" as const,
      round: 0,
      ...on,
      tags: [...new Set([...on.tags, ...tags])],
      started_at: Math.round(began.wall),
      utc_offset_min: began.offset,
      ended_at: Math.round(began.wall) + length,
      duration_ms: length,
      elapsed_ms: length,
      outcome: "completed" as const,
    });
    others = overlapping(db, profile, interval);
    return { id: addInterval(db, profile, interval) ?? 0, ...interval };
  });
  if (others.length > 0) {
    const ids = others.map(({ id }) => `#${id}`).join(", ");
    context.output.note(`it overlaps ${ids}`);
  }
  return code;
}

/** `stint pomo log edit ID` */
export async function editEntry(context: Context, text: string, options: Options): Promise<number> {
  const { profile } = context;
  const id = idOf(text);
  const { task, start, duration, outcome, tag } = options as {
    task?: string;
    start?: string;
    duration?: number;
    outcome?: HistoryRow["outcome"];
    tag?: string[];
  };
  if ([task, start, duration, outcome, tag].every((value) => value === undefined)) {
    throw new Expected(Exit.usage, "nothing to change", "--task, --start, --duration, --outcome or --tag");
  }
  return change(context, "changed", (db) => {
    let row = found(db, profile, id);
    if (task === "none") row = { ...row, task: null, task_id: null };
    else if (task !== undefined) {
      const on = workedOn(db, profile, task);
      row = { ...row, task: on.task, task_id: on.task_id };
    }
    if (start !== undefined) {
      // A time alone is of the day that it was on; it moves with its pauses.
      const began = momentOf(start, dayText(localDay(row.started_at, row.utc_offset_min)));
      const ended_at = row.ended_at + began.wall - row.started_at;
      row = { ...row, started_at: began.wall, utc_offset_min: began.offset, ended_at };
    }
    if (duration !== undefined) {
      row = { ...row, duration_ms: duration, elapsed_ms: duration, ended_at: row.started_at + duration };
    }
    if (outcome !== undefined) row = { ...row, outcome };
    if (tag !== undefined) row = { ...row, tags: checkTags(tag) };
    changeInterval(db, profile, past(row));
    return row;
  });
}

/** `stint pomo log delete ID` */
export async function deleteEntry(context: Context, text: string): Promise<number> {
  const id = idOf(text);
  return change(context, "deleted", (db) => {
    const row = found(db, context.profile, id);
    deleteInterval(db, id);
    return row;
  });
}

import { systemClock } from "../../../kernel/clock.ts";
import type { Context, Options } from "../../../kernel/command.ts";
import { printable } from "../../../kernel/config/problems.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { formatFor, readText, sourceOf, tellImport, writeText, wrongIn } from "../../../kernel/exchange.ts";
import type { Output } from "../../../kernel/output.ts";
import { openStore, readStore } from "../../../kernel/store.ts";
import { type TitleSettings, titleRules } from "../../core/redact.ts";
import { poke } from "../erase.ts";
import { schema } from "../journal.ts";
import { rangeOf } from "../range.ts";
import { settings } from "../settings.ts";
import { addRecords, type Import, Overlap } from "./add.ts";
import { byOffset, type FoundSpan, shortInput } from "./arrange.ts";
import { checker } from "./check.ts";
import type { Draft, InputRecord, Kept, RunningRecord, SessionRecord, WindowRecord } from "./format.ts";
import { type FormatName, loadFormat } from "./formats.ts";
import { wrongAt } from "./json-place.ts";
import { kept } from "./kept.ts";

/** What was tracked for other programs, and theirs for us. */

/** A year of an aw-server has about 100 MB; what is read takes ten times as much of memory. */
const LARGEST_MB = 128;
/** More characters than a record of ours can have. */
const LONGEST_RECORD = 200_000;

const FORMATS: { names: Readonly<Record<string, FormatName>>; choices: string } = {
  names: {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".ics": "ical",
    ".data": "timewarrior",
  },
  choices: "json, csv, ical, timewarrior or activitywatch",
};

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const NOTHING: Kept = { sessions: [], spans: [], windows: () => [], running: () => [], input: () => [] };

/** `stint track export`. @throws Expected 2 without a format, 74 when the file can't be written */
export async function exportData({ output, profile }: Context, options: Options): Promise<number> {
  const path = options["output"] as string | undefined;
  const name = formatFor(options["format"], path, FORMATS);
  const format = await loadFormat(name);
  const range = rangeOf(options, "all");
  const { holds = () => true, lacks = "" } = format;
  const write = (all: Kept) => {
    const spans = all.spans.filter(holds);
    if (writeText(output, path, format.write({ ...all, spans }))) {
      const record = { type: "export", format: name, path, written: spans.length };
      output.emit(record, () => `${count(spans.length, "span")} written to ${path}`);
    }
    const left = all.spans.length - spans.length;
    if (left > 0 && !output.closed) output.note(`${count(left, "span")} left out: ${lacks}`);
  };
  const isThere = await readStore([schema], (db) => {
    // One state of it, however long it takes to be read.
    db.exec("BEGIN");
    write(kept(db, profile, range));
    db.exec("COMMIT");
    return true;
  });
  if (!isThere) write(NOTHING);
  return Exit.ok;
}

/** Says how far a long work has come, every now and then. */
function progress(output: Output, what: string): () => void {
  const EVERY_MS = 1_000;
  let next = systemClock.monotonic() + EVERY_MS;
  let done = 0;
  return () => {
    // Asking for the time would take longer than most of what is done.
    if (++done % 1_000 !== 0 || systemClock.monotonic() < next) return;
    next = systemClock.monotonic() + EVERY_MS;
    output.note(`${what}: ${done.toLocaleString("en")} records`);
  };
}

/** Of input counted in a longer time nothing can be told about when it was, ms. */
const DAY_MS = 86_400_000;

/** Signals are heard after so many records. */
const AT_ONCE = 10_000;
const breathe = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Whose JSON a text is: `timew export` prints a list, an aw-server one object of buckets, ours is a record a line. */
function jsonOf(text: string): FormatName {
  const begin = text.trimStart();
  if (begin.startsWith("[")) return "timewarrior";
  const [line = ""] = begin.slice(0, LONGEST_RECORD).split("\n", 1);
  try {
    return (JSON.parse(line) as { v?: unknown }).v === 1 ? "json" : "activitywatch";
  } catch {
    // An object over several lines, or too long to be a record.
    return "activitywatch";
  }
}

/**
 * `stint track import`: all of the file or, when a line of it is wrong or overlaps what is tracked already, nothing.
 * @throws Expected 2 without a file or a format, 74 for what can't be read, naming the line, 1 for what overlaps
 */
export async function importData(
  { output, profile }: Context,
  file: string | undefined,
  options: Options,
): Promise<number> {
  const source = sourceOf(file, "stint track import");
  const named = formatFor(options["format"], source.path, FORMATS);
  const text = await readText(source, LARGEST_MB);
  // Others' JSON has the same ending to its name, and another beginning.
  const format = await loadFormat(options["format"] === undefined && named === "json" ? jsonOf(text) : named);
  const skipped = new Map<string, number>();
  const skip = (why: string, n = 1) => {
    if (n > 0) skipped.set(why, (skipped.get(why) ?? 0) + n);
  };
  const now = systemClock.wall();
  const found = await readAll(text, format.read(text), now, skip, progress(output, "read")).catch((error) => {
    throw wrongIn(source, error);
  });

  await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
  const { added, known, going, outside } = await store
    .write((db) => addRecords(db, profile, found, now, progress(output, "written")))
    .catch((error) => {
      if (!(error instanceof Overlap)) throw error;
      const { line, message } = wrongAt(text, error.at, error.message);
      const hint = "nothing was imported: correct or remove one of them first";
      throw new Expected(Exit.no, printable(`${source.label}:${line}: ${message}`), hint);
    });
  skip("of the session that isn't over", going);
  skip("seen outside the times of imported sessions", outside);
  tellImport(output, { added, known, skipped });
  await poke();
  return Exit.ok;
}

/** Checks all that a file says. @throws Wrong at the first record that isn't what it should be */
async function readAll(
  text: string,
  drafts: Iterable<Draft>,
  now: number,
  skip: (why: string) => void,
  told: () => void,
): Promise<Import> {
  const check = await checker();
  const judged = windowRules((await settings()).track);
  const sessions: SessionRecord[] = [];
  const spans: FoundSpan[] = [];
  const windows: WindowRecord[] = [];
  const running: RunningRecord[] = [];
  const input: InputRecord[] = [];
  const take = (draft: Draft): void => {
    if ("skip" in draft) {
      skip(draft.skip);
      return;
    }
    const { at, type, fields, coarse = false } = draft;
    const sound = <T>(record: T | string): T => {
      if (typeof record === "string") throw wrongAt(text, at, record);
      return record;
    };
    /** A record, unless it is of the future: a calendar's plans, and what a clock that was ahead has written. */
    const past = <T extends { ended_at: number }>(record: T | string): T[] => {
      const { ended_at } = sound(record);
      if (ended_at > now) skip("what isn't over yet");
      return ended_at > now ? [] : [sound(record)];
    };
    switch (type) {
      case "session":
        sessions.push(...past(check(type, fields)));
        return;
      case "span":
        for (const span of past(check(type, fields))) {
          for (const piece of byOffset(span)) spans.push({ at, coarse, span: piece });
        }
        return;
      case "window":
        windows.push(...past(check(type, fields)).map(judged));
        return;
      case "running":
        running.push(...past(check(type, fields)));
        return;
      case "input":
        for (const record of past(check(type, fields))) {
          if (record.ended_at - record.started_at > DAY_MS) skip("intervals of input longer than a day");
          else input.push(...shortInput(record));
        }
    }
  };
  let taken = 0;
  for (const draft of drafts) {
    take(draft);
    told();
    if (++taken % AT_ONCE === 0) await breathe();
  }
  return { sessions, spans, windows, running, input };
}

/** Windows as the user's rules for titles have them: a file of ours may be of another user, or of before a rule. */
function windowRules(settings: TitleSettings): (window: WindowRecord) => WindowRecord {
  const rules = titleRules(settings);
  const titles = new Map<string, string | null>();
  return (window) => {
    const { app, title, process, pid } = window;
    if (title === null) return window;
    const key = JSON.stringify([app, title, process]);
    const known = titles.get(key);
    const kept = known === undefined ? rules({ app, title, process, pid }).title : known;
    titles.set(key, kept);
    return { ...window, title: kept };
  };
}

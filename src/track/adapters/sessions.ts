import { findSession, type SessionRow } from "../../kernel/checkpoint.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { durationText, spokenDuration } from "../../kernel/core/duration.ts";
import { localTime, timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Line } from "../../kernel/output.ts";
import type { Database, Row } from "../../kernel/runtime.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { printTable, terminalWidth } from "../../kernel/table.ts";
import { bars } from "../../kernel/tui/charts.ts";
import { clicksOf, scrollsOf } from "../core/counts.ts";
import { isWanted } from "../core/groups.ts";
import { looks } from "../core/report.ts";
import { type Span, type Times, timesOf } from "../core/span.ts";
import { markDelete, noteFrom } from "./edits.ts";
import { erase, eraseSession, tellCopies } from "./erase.ts";
import { inputOfSession, schema, sessionFacts, setNote, spansOfSession } from "./journal.ts";
import { rangeOf } from "./range.ts";
import { reachOf } from "./reach.ts";
import { textOf, windowsIn } from "./usage.ts";

/** The commands about sessions as a whole. */

/** How many a person is shown. */
const SHOWN = 20;

/** A session, and what it came to. */
type Account = Times & {
  n: number;
  id: string;
  state: SessionRow["state"];
  origin: string;
  note: string | null;
  started_at: number;
  ended_at: number;
  utc_offset_min: number;
  projects: readonly (string | null)[];
  tags: readonly string[];
  keys: number;
  clicks: number;
  scrolls: number;
  distance_px: number;
  screenshots: number;
};

/** A session that may be asked for. One that was added or imported is gone with its last span. */
type Candidate = { row: Row; from: number; to: number };

/** Newest first. */
function candidates(db: Database, profile: string): Candidate[] {
  const rows = db
    .prepare(
      `SELECT n, id, origin, track_session.note, session.started_at, session.utc_offset_min, last_active,
         (SELECT started_at FROM track_span WHERE session = n ORDER BY started_at LIMIT 1) AS first,
         (SELECT ended_at FROM track_span WHERE session = n ORDER BY started_at DESC, track_span.id DESC LIMIT 1) AS last
       FROM track_session JOIN session USING (id)
       WHERE track_session.profile = ? AND (first IS NOT NULL OR origin = 'tracked')`,
    )
    .all(profile);
  return rows
    .map((row) => ({
      row,
      from: Number(row["first"] ?? row["started_at"]),
      to: Number(row["last"] ?? row["last_active"]),
    }))
    .toSorted((a, b) => b.from - a.from || b.to - a.to);
}

function accountOf(db: Database, { row, from, to }: Candidate, spans: readonly Span[]): Account {
  const n = Number(row["n"]);
  const id = String(row["id"]);
  const input = inputOfSession(db, n);
  const { note, screenshots } = sessionFacts(db, n);
  return {
    n,
    id,
    state: findSession(db, id)?.state ?? "stopped",
    origin: String(row["origin"]),
    note,
    started_at: from,
    ended_at: to,
    utc_offset_min: spans[0]?.utc_offset_min ?? Number(row["utc_offset_min"]),
    ...timesOf(spans),
    projects: [...new Set(spans.filter(({ kind }) => kind === "work").map(({ project }) => project))],
    tags: [...new Set(spans.flatMap(({ tags }) => tags))],
    keys: input.presses,
    clicks: clicksOf(input),
    scrolls: scrollsOf(input),
    distance_px: input.distance_px,
    screenshots,
  };
}

function sessionLine({ n: _, id, ...rest }: Account): Line {
  return { type: "session", session_id: id, ...rest };
}

/** `stint track sessions` */
export async function listSessions(context: Context, options: Options): Promise<number> {
  const { output, profile } = context;
  const range = rangeOf(options, "all");
  const filter = {
    project: options["project"] as string | undefined,
    tags: options["tag"] as readonly string[] | undefined,
  };
  const asked = ["day", "week", "since", "from", "to", "all"].some((name) => options[name] !== undefined);
  const most = output.json || asked ? Number.POSITIVE_INFINITY : SHOWN;
  const found = await readStore([schema], (db) => {
    let older = 0;
    const accounts: Account[] = [];
    for (const candidate of candidates(db, profile)) {
      if (candidate.from >= range.to || candidate.to <= range.from) continue;
      const spans = spansOfSession(db, Number(candidate.row["n"]));
      const isAskedFor = spans.some(
        (span) => span.started_at < range.to && span.ended_at > range.from && isWanted(span, filter),
      );
      // One whose spans were all removed is of no project, and of its whole time.
      if (!isAskedFor && (spans.length > 0 || filter.project !== undefined || filter.tags)) continue;
      if (accounts.length < most) accounts.push(accountOf(db, candidate, spans));
      else older++;
    }
    return { accounts, older };
  });
  const { accounts, older } = found ?? { accounts: [], older: 0 };
  if (output.json) for (const account of accounts) output.emit(sessionLine(account));
  else if (accounts.length === 0)
    output.note(asked ? "no session then" : "no sessions yet: stint track start");
  else {
    const head = ["ID", "DATE", "TIME", "WORKED", "PAUSED", "AWAY", "KEYS", "CLICKS", "PROJECTS"];
    printTable(output, head, accounts.map(rowOf), 8);
    if (older > 0) output.note(`${older} older: stint track sessions --all`);
  }
  return Exit.ok;
}

function rowOf(account: Account) {
  const {
    id,
    state,
    projects,
    worked_ms,
    paused_ms,
    afk_ms,
    keys,
    clicks,
    note,
    started_at,
    utc_offset_min,
  } = account;
  const [date] = dated(account);
  const minutes = (ms: number): string => (ms < 30_000 ? "" : durationText(Math.round(ms / 60_000) * 60_000));
  const what = [
    ...(state === "stopped" ? [] : [state]),
    ...(projects.length > 0 ? [projects.map((project) => project ?? "none").join(", ")] : []),
    ...(note === null ? [] : [note]),
  ];
  // The end of an id is enough to name it by.
  const cells = [id.slice(-8), date, timeText(started_at, utc_offset_min)];
  const times = [worked_ms, paused_ms, afk_ms].map(minutes);
  // Beside its word: green for one that is alive, yellow for one that was left.
  const colour = state === "stopped" ? undefined : state === "crashed" ? 33 : 32;
  return { cells: [...cells, ...times, String(keys), String(clicks), what.join(" · ")], colour };
}

/** `2026-11-22` and `09:00–17:30` */
function dated({
  started_at,
  ended_at,
  utc_offset_min,
}: Pick<Span, "started_at" | "ended_at" | "utc_offset_min">): [string, string] {
  const [from, to] = [started_at, ended_at].map((at) => timeText(at, utc_offset_min));
  return [localTime(started_at, utc_offset_min).toPlainDate().toString(), `${from}–${to}`];
}

/** `stint track show [ID]` */
export async function showSession(context: Context, which: string): Promise<number> {
  return tellSession(context, await idOf(context, which));
}

/** The whole of a session, with its spans. @param id of one that there is */
export async function tellSession({ output, profile }: Context, id: string): Promise<number> {
  const found = await readStore([schema], (db) => {
    const candidate = candidates(db, profile).find(({ row }) => row["id"] === id);
    if (!candidate) return undefined;
    const spans = spansOfSession(db, Number(candidate.row["n"]));
    return { account: accountOf(db, candidate, spans), spans, apps: appsOf(db, spans), gaps: gapsOf(spans) };
  });
  if (!found) throw noSession(id);
  const { account, spans, apps, gaps } = found;
  const ownSpans = spans.map(({ session: _, ...span }) => span);
  output.emit({ ...sessionLine(account), spans: ownSpans, apps, gaps }, () => people(account).join("\n"));
  if (output.json) return Exit.ok;
  if (spans.length > 0) {
    output.text("\n");
    const rows = spans.map((span) => ({
      cells: cellsOf(span),
      colour: span.kind === "work" ? undefined : 2,
    }));
    printTable(output, ["SPAN", "DATE", "TIME", "KIND", "LASTED", "PROJECT", "TAGS", "NOTE"], rows, 7);
  }
  if (apps.length > 0) {
    output.text(`\n${output.paint(2, "on the screen while working")}\n`);
    const all = apps
      .slice(0, SHOWN_APPS)
      .map(({ app, ms }) => ({ label: app, value: ms, text: spokenDuration(ms) }));
    output.text(`${bars(all, Math.min(terminalWidth(), 100)).join("\n")}\n`);
  }
  for (const gap of gaps) {
    const [date, time] = dated({ ...gap, utc_offset_min: account.utc_offset_min });
    output.text(`nothing is known of ${date} ${time}\n`);
  }
  return Exit.ok;
}

const SHOWN_APPS = 10;

function people(account: Account): string[] {
  const { id, state, note, worked_ms, paused_ms, afk_ms, keys, clicks, scrolls, screenshots } = account;
  const [date, time] = dated(account);
  return [
    `${id}  ${date} ${time}  ${state}${account.origin === "tracked" ? "" : `, ${account.origin}`}`,
    `worked ${spokenDuration(worked_ms)}, paused ${spokenDuration(paused_ms)}, away ${spokenDuration(afk_ms)}`,
    [counted(keys, "key"), counted(clicks, "click"), counted(scrolls, "notch", "notches")]
      .concat(counted(screenshots, "screenshot"))
      .join(", "),
    ...(note === null ? [] : [note]),
  ];
}

function cellsOf(span: Span): string[] {
  const { id, kind, started_at, ended_at, project, tags, note } = span;
  return [
    String(id),
    ...dated(span),
    kind,
    spokenDuration(ended_at - started_at),
    project ?? "",
    tags.join(", "),
    note ?? "",
  ];
}

/** What was on the screen while working, the longest first, ms. */
function appsOf(db: Database, spans: readonly Span[]): { app: string; ms: number }[] {
  const [first, last] = [spans[0], spans.at(-1)];
  if (!first || !last) return [];
  const text = textOf(db);
  const sums = new Map<string, number>();
  const work = spans.filter(({ kind }) => kind === "work");
  for (const { app, from, to } of looks(
    work,
    windowsIn(db, first.session, first.started_at, last.ended_at),
  )) {
    sums.set(text(app), (sums.get(text(app)) ?? 0) + to - from);
  }
  return [...sums].map(([app, ms]) => ({ app, ms })).toSorted((a, b) => b.ms - a.ms);
}

/** Times between spans. */
const gapsOf = (spans: readonly Span[]): { started_at: number; ended_at: number }[] =>
  spans.flatMap(({ started_at }, at) => {
    const before = spans[at - 1];
    return before && before.ended_at < started_at
      ? [{ started_at: before.ended_at, ended_at: started_at }]
      : [];
  });

const noSession = (which: string): Expected =>
  new Expected(Exit.no, `there is no session ${which}`, "stint track sessions lists them");

/** The least of an id's end that names it. */
const ENOUGH = 4;

/**
 * `last`, which is the one that is being tracked, or else the one with the latest span; an id, or enough of its end.
 * @throws Expected 1 for none, 2 for what could be several
 */
async function idOf(context: Context, text: string): Promise<string> {
  const which = text.trim().toLowerCase();
  const all = (await readStore([schema], (db) => candidates(db, context.profile))) ?? [];
  const ids = all.map(({ row }) => String(row["id"]));
  if (which === "last") {
    const tracked = reachOf(context).host?.session;
    const [newest] = all.toSorted((a, b) => b.to - a.to);
    if (tracked !== undefined && ids.includes(tracked)) return tracked;
    if (newest) return String(newest.row["id"]);
    throw new Expected(Exit.no, "there is no session yet", "stint track start");
  }
  if (which.length < ENOUGH) {
    throw new Expected(
      Exit.usage,
      `'${text}' is too short`,
      `at least ${ENOUGH} characters of an id's end, or last`,
    );
  }
  const [found, ...others] = ids.filter((id) => id.endsWith(which));
  if (found === undefined) throw noSession(text);
  if (others.length === 0) return found;
  const hint = `say more of it: ${[found, ...others].map((id) => id.slice(-13)).join(", ")}`;
  throw new Expected(Exit.usage, `'${text}' could be several sessions`, hint);
}

/** `stint track annotate ID TEXT` */
export async function annotate(context: Context, which: string, text: string): Promise<number> {
  const { output } = context;
  const note = noteFrom(text);
  const id = await idOf(context, which);
  {
    await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
    await store.write((db) => {
      const row = db.prepare("SELECT n FROM track_session WHERE id = ?").get(id);
      if (!row) throw noSession(which);
      setNote(db, Number(row["n"]), note);
    });
  }
  const said = note === null ? "has no note any more" : `is noted: ${note}`;
  output.emit({ type: "note", session_id: id, note }, () => `${id.slice(-8)} ${said}`);
  return Exit.ok;
}

/** `stint track delete [ID]` */
export async function deleteData(
  context: Context,
  which: string | undefined,
  options: Options,
): Promise<number> {
  const { output, profile } = context;
  const hasRange = options["from"] !== undefined || options["to"] !== undefined;
  if (hasRange === (which !== undefined)) {
    const what = hasRange ? "a session or a time, not both" : "what is to be deleted?";
    throw new Expected(Exit.usage, what, "stint track delete ID, or --from and --to");
  }
  const { erased, scrubbed } =
    which === undefined
      ? await erase(profile, rangeOf(options, "all"), systemClock.wall())
      : await eraseSession(profile, await idOf(context, which));
  if (Object.values(erased).every((count) => count === 0)) {
    throw new Expected(Exit.no, "nothing was tracked then", "stint track sessions lists what was");
  }
  await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
  const wall = systemClock.wall();
  await store.write((db) => markDelete(db, profile, { wall, offset: localOffset(wall) }));
  output.emit({ type: "deleted", ...erased }, () => {
    const { sessions, spans, windows, screenshots } = erased;
    const counted = Object.entries({
      session: sessions,
      span: spans,
      window: windows,
      screenshot: screenshots,
    });
    const parts = counted.map(([word, count]) => `${count} ${word}${count === 1 ? "" : "s"}`);
    return `deleted for good: ${parts.join(", ")}`;
  });
  if (!scrubbed) output.note("pages of the store's file may still hold it: the next delete writes that anew");
  tellCopies(output);
  return Exit.ok;
}

const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

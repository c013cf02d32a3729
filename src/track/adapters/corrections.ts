import { momentOf } from "../../kernel/arguments.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { readStore } from "../../kernel/store.ts";
import type { Edit, Image } from "../core/edits.ts";
import type { Span, SpanKind } from "../core/span.ts";
import { editFrom, findSpan, lastChange } from "./edits.ts";
import { dateOf, schema, spanOf } from "./journal.ts";
import { reachOf } from "./reach.ts";
import { spanLine } from "./sessions.ts";
import { settings } from "./settings.ts";

/** The commands that correct the past: through the host of the profile while one is alive, else on the store. */

/** `stint track switch PROJECT` */
export async function switchTo(context: Context, project: string, options: Options): Promise<number> {
  const at = options["at"] === undefined ? undefined : timeToday(options["at"] as string);
  return correct(context, { do: "switch", ...(await effortOf({ ...options, project })), at });
}

/** `stint track add` */
export async function add(context: Context, options: Options): Promise<number> {
  const { from, to, note, replace } = options;
  if (from === undefined) throw new Expected(Exit.usage, "when did it begin?", "--from 14:00");
  return correct(context, {
    do: "add",
    from: timeToday(from as string),
    to: to === undefined ? Math.floor(systemClock.wall()) : timeToday(to as string),
    ...(await effortOf(options)),
    note,
    replace,
  });
}

/** `stint track modify SPAN` */
export async function modify(context: Context, which: string, options: Options): Promise<number> {
  const { from, to, kind, project, tag, note, replace } = options;
  if ([from, to, kind, project, tag, note].every((value) => value === undefined)) {
    const hint = "--from, --to, --kind, --project, --tag or --note";
    throw new Expected(Exit.usage, "nothing to change", hint);
  }
  const span = await spanNamed(context, which);
  return correct(context, {
    do: "modify",
    span: span.id,
    from: from === undefined ? undefined : timeIn(span, from as string, false),
    to: to === undefined ? undefined : timeIn(span, to as string, true),
    kind,
    project: project === undefined ? undefined : projectNamed(project as string),
    tags: tag,
    note,
    replace,
  });
}

/** `stint track split SPAN TIME` */
export async function split(context: Context, which: string, time: string): Promise<number> {
  const span = await spanNamed(context, which);
  return correct(context, { do: "split", span: span.id, at: timeIn(span, time, true) });
}

/** `stint track remove SPAN` */
export async function remove(context: Context, which: string): Promise<number> {
  const { id } = await spanNamed(context, which);
  return correct(context, { do: "remove", span: id });
}

/** `stint track away DECISION` */
export async function away(context: Context, text: string, options: Options): Promise<number> {
  const [, name] = /^project:(.*)$/s.exec(text) ?? [];
  if (name === undefined && text !== "keep" && text !== "drop") {
    throw new Expected(Exit.usage, `'${text}' says nothing of a time away`, "keep, drop or project:NAME");
  }
  const decision = name === undefined ? text : { project: projectNamed(name) };
  const span = (options["span"] as number | undefined) ?? (await newest(context, "away"))?.id;
  if (span === undefined)
    throw new Expected(Exit.no, "nobody was away", "stint track show tells of the spans");
  return correct(context, { do: "away", span, decision });
}

/** `stint track undo` */
export async function undo(context: Context): Promise<number> {
  const taken = await readStore([schema], (db) => lastChange(db, context.profile));
  await reachOf(context).command("undo");
  if (!taken) return Exit.ok;
  const { added, removed, updated } = taken.images;
  return tell(context, `took back: ${taken.what}`, {
    there: [...removed, ...updated.map(({ before }) => before)],
    gone: added,
  });
}

/** Carries out an edit as it was typed, and tells what became of the spans. */
async function correct(context: Context, typed: { do: Edit["do"]; [key: string]: unknown }): Promise<number> {
  const edit = editFrom(typed);
  const newestChange = () => readStore([schema], (db) => lastChange(db, context.profile));
  const before = await newestChange();
  await reachOf(context).command("correct", { edit });
  const after = await newestChange();
  if (after && after.id !== before?.id) {
    const { added, removed, updated } = after.images;
    return tell(context, after.what, {
      there: [...updated.map((pair) => pair.after), ...added],
      gone: removed,
    });
  }
  const span = "span" in edit ? { id: edit.span } : await newest(context);
  return tell(context, "it is so already", { there: span ? [span] : [], gone: [] });
}

/** Says in a sentence what was done; to a program, what the spans are now that were there, and what those were that aren't. */
async function tell(
  context: Context,
  said: string,
  { there, gone }: { there: readonly Pick<Span, "id">[]; gone: readonly (Span | Image)[] },
): Promise<number> {
  const { output, profile } = context;
  if (!output.json) output.text(`${said}\n`);
  else {
    const lines = await readStore([schema], (db) =>
      [...there.flatMap(({ id }) => findSpan(db, profile, id) ?? []), ...gone]
        .toSorted((a, b) => a.started_at - b.started_at)
        .map((span) => ({ ...spanLine(db, span), ...(gone.includes(span) ? { removed: true } : {}) })),
    );
    for (const line of lines ?? []) output.emit(line);
  }
  return Exit.ok;
}

/** The newest span of a profile, of a kind where one is given. */
async function newest({ profile }: Context, kind: SpanKind | null = null): Promise<Span | undefined> {
  const row = await readStore([schema], (db) =>
    db
      .prepare(
        `SELECT track_span.* FROM track_span JOIN track_session ON n = session
         WHERE profile = ?1 AND kind = COALESCE(?2, kind) ORDER BY started_at DESC, track_span.id DESC LIMIT 1`,
      )
      .get(profile, kind),
  );
  return row && spanOf(row);
}

/** `12`, `#12` or `last`. @throws Expected 2 for what can't be one, 1 for one that there isn't */
async function spanNamed(context: Context, text: string): Promise<Span> {
  const which = text.trim();
  const [, number] = /^#?(\d{1,15})$/.exec(which) ?? [];
  const hint = "stint track show names them";
  if (number === undefined && which !== "last") {
    throw new Expected(Exit.usage, `'${text}' is no span's number`, `${hint}; last is the newest`);
  }
  const span =
    number === undefined
      ? await newest(context)
      : await readStore([schema], (db) => findSpan(db, context.profile, Number(number)));
  if (span) return span;
  throw new Expected(
    Exit.no,
    number === undefined ? "there is no span yet" : `there is no span #${number}`,
    hint,
  );
}

/** A time without a date is of today. */
function timeToday(text: string): number {
  const now = systemClock.wall();
  return wallOf(text, dateOf(now, localOffset(now)));
}

const wallOf = (text: string, day: string): number => Math.floor(momentOf(text, day).wall);

/**
 * A time without a date is of the local day of the span; where that goes on past midnight, of the day on which it lies
 * after the beginning, if that is wanted. Where it was in another time zone than this, that is meant.
 */
function timeIn({ started_at, ended_at, utc_offset_min }: Span, text: string, after: boolean): number {
  const isWhole = /^\d{4}-/.test(text);
  const hasOffset = /(Z|[+-]\d\d:\d\d)$/.test(text);
  const elsewhere = localOffset(started_at) !== utc_offset_min;
  const typed = elsewhere && !hasOffset ? `${text}${offsetText(utc_offset_min)}` : text;
  const [first, last] = [started_at, ended_at].map((at) => dateOf(at, utc_offset_min)) as [string, string];
  const wall = wallOf(typed, first);
  return !isWhole && after && wall <= started_at && last !== first ? wallOf(typed, last) : wall;
}

const offsetText = (offsetMin: number): string => localTime(0, offsetMin).offset;

/** What `--project` and `--tag` say, or else the configuration. */
async function effortOf({ project, tag }: Options): Promise<{ project: string | null; tags: unknown }> {
  const { track } = await settings();
  return {
    project: projectNamed((project as string | undefined) ?? (track.project === "" ? "none" : track.project)),
    tags: tag ?? track.tags,
  };
}

const projectNamed = (text: string): string | null => (text.trim() === "none" ? null : text);

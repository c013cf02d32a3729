import { type Moment, momentOf, momentsOf } from "../../kernel/arguments.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Line } from "../../kernel/output.ts";
import { readStore } from "../../kernel/store.ts";
import type { Edit } from "../core/edits.ts";
import type { Span } from "../core/span.ts";
import type { Pushed } from "../core/view.ts";
import { type Answer, editFrom, findSpan } from "./edits.ts";
import { dateOf, schema, spanOf } from "./journal.ts";
import { reachOf } from "./reach.ts";
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
    from: from === undefined ? undefined : timeIn(span, from as string, span.started_at),
    to: to === undefined ? undefined : timeIn(span, to as string, span.ended_at),
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
  return correct(context, { do: "split", span: span.id, at: timeIn(span, time, span.started_at) });
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
  const named = options["span"] as number | undefined;
  return correct(context, { do: "away", span: named ?? (await askedAbout(context)), decision });
}

/** The time away that is asked about. To answer twice mustn't answer for one of long ago. @throws Expected 1 */
async function askedAbout(context: Context): Promise<number> {
  const { question } = (await reachOf(context).state()) as Pushed & State;
  if (question) return question.span;
  const hint = "stint track show tells of the spans, --span N names one";
  throw new Expected(Exit.no, "nothing is asked about a time away", hint);
}

/** `stint track undo` */
export async function undo(context: Context): Promise<number> {
  const { answer } = (await reachOf(context).command("undo")) as { answer: Answer };
  if (answer.there.length + answer.gone.length === 0) throw new Expected(Exit.no, answer.said);
  return tell(context, answer);
}

/** Carries out an edit as it was typed, and tells what became of the spans. */
async function correct(context: Context, typed: { do: Edit["do"]; [key: string]: unknown }): Promise<number> {
  const state = await reachOf(context).command("correct", { edit: editFrom(typed) });
  return tell(context, state["answer"] as Answer);
}

/** Says in a sentence what was done; to a program, what the spans are now that were there, and what those were that aren't. */
async function tell({ output, profile }: Context, { said, there, gone }: Answer): Promise<number> {
  if (!output.json) output.text(`${said}\n`);
  else {
    const lines = await readStore([schema], (db): Line[] => {
      const sessionId = db.prepare("SELECT id FROM track_session WHERE n = ?");
      const now = there
        .flatMap((id) => findSpan(db, profile, id) ?? [])
        .map((span) => ({ ...span, session_id: String(sessionId.get(span.session)?.["id"]) }));
      const before = gone.map((span) => ({ ...span, removed: true }));
      return [...now, ...before]
        .toSorted((a, b) => a.started_at - b.started_at)
        .map(({ session: _, id, session_id, ...rest }) => ({ type: "span", id, session_id, ...rest }));
    });
    for (const line of lines ?? []) output.emit(line);
  }
  return Exit.ok;
}

/** The newest span of a profile. */
async function newest({ profile }: Context): Promise<Span | undefined> {
  const row = await readStore([schema], (db) =>
    db
      .prepare(
        `SELECT track_span.* FROM track_span JOIN track_session ON n = session
         WHERE profile = ? ORDER BY started_at DESC, track_span.id DESC LIMIT 1`,
      )
      .get(profile),
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

const DAY_MS = 86_400_000;

/**
 * A time that is typed for a span: within it, or else as near to it as can be. Of several that are as near, as in an hour
 * that is repeated, it is the one with the span's offset, and then the one that is nearest to `edge`, a time of the span.
 * One without an offset is of here, or of there where the span was in another time zone.
 */
function timeIn(span: Span, text: string, edge: number): number {
  const { started_at, ended_at, utc_offset_min } = span;
  const hasOffset = /(Z|[+-]\d\d:\d\d)$/.test(text);
  const there = hasOffset ? text : `${text}${localTime(0, utc_offset_min).offset}`;
  const nearest = (moments: readonly [Moment, ...Moment[]]): Moment => {
    const far = ({ wall, offset }: Moment) => [
      Math.max(started_at - wall, wall - ended_at, 0),
      offset === utc_offset_min ? 0 : 1,
      Math.abs(wall - edge),
    ];
    return moments.reduce((best, moment) => (isLess(far(moment), far(best)) ? moment : best));
  };
  const onDay = (days: number): Moment => momentOf(there, dateOf(edge + days * DAY_MS, utc_offset_min));
  const moment = nearest([onDay(-1), onDay(0), onDay(1)]);
  // What it is by the offset of the span, or of a day that has another.
  const isElsewhere = localOffset(started_at) !== utc_offset_min;
  const local = () => momentsOf(text, dateOf(moment.wall, utc_offset_min));
  return Math.floor((isElsewhere ? moment : nearest(local())).wall);
}

const isLess = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((value, n) => value !== b[n]);
  return at >= 0 && Number(a[at]) < Number(b[at]);
};

/** What `--project` and `--tag` say, or else the configuration. */
async function effortOf({ project, tag }: Options): Promise<{ project: string | null; tags: unknown }> {
  const { track } = await settings();
  return {
    project: projectNamed((project as string | undefined) ?? (track.project === "" ? "none" : track.project)),
    tags: tag ?? track.tags,
  };
}

const projectNamed = (text: string): string | null => (text.trim() === "none" ? null : text);

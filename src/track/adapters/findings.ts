import { Expected } from "../../kernel/errors.ts";
import type { Database } from "../../kernel/runtime.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { type Filter, type Findings, isWanted } from "../core/groups.ts";
import { cutSpan, DAY_MS, type Share } from "../core/report.ts";
import type { Span } from "../core/span.ts";
import { schema } from "./journal.ts";
import type { Range } from "./range.ts";
import {
  isOver,
  rollDays,
  rolledInput,
  rolledWindows,
  see,
  spansNear,
  unrolledDays,
  wholeDays,
} from "./rollup.ts";
import { textOf } from "./usage.ts";

/** More days than these are rolled up first, where the store can be written to. */
const DAYS_WORTH_ROLLING = 3;

/** What is asked for: of a profile, in a time. */
export type Question = { profile: string; range: Range; filter: Filter };

/**
 * Reads what a report is made of, and rolls up past days when there are many to read.
 * @param now UTC ms
 * @param more reads what else is wanted at the same moment
 * @returns undefined when there is no store
 */
export async function findings<T>(
  question: Question,
  now: number,
  more: (db: Database, found: Findings) => T,
): Promise<{ found: Findings; more: T } | undefined> {
  const { profile, range } = question;
  const days = await readStore([schema], (db) => {
    const work = spansNear(db, profile, range.from, range.to).filter(({ kind }) => kind === "work");
    return unrolledDays(db, work, range).filter((day) => isOver(day, now));
  });
  if (days && days.length > DAYS_WORTH_ROLLING) {
    try {
      await using store = await openStore({ schemas: [schema] });
      await rollDays(store, days);
    } catch (error) {
      // It can be read from what wasn't rolled up as well, if more slowly.
      if (!(error instanceof Expected)) throw error;
    }
  }
  return await readStore([schema], (db) => {
    const found = findingsIn(db, question);
    return { found, more: more(db, found) };
  });
}

/** What there is in a time: days that are rolled up from there, the rest from what was seen. */
export function findingsIn(db: Database, { profile, range, filter }: Question): Findings {
  const { from, to } = range;
  const spans = spansNear(db, profile, from, to);
  const wanted = new Map(spans.filter((span) => isWanted(span, filter)).map((span) => [span.id, span]));
  const text = textOf(db);
  const windows = new Map<string, { app: number; title: number; ms: number }>();
  const input: Share[] = [];
  const look = ({ app, title, ms }: { app: number; title: number; ms: number }) => {
    const key = `${app} ${title}`;
    const sum = windows.get(key);
    if (sum) sum.ms += ms;
    else windows.set(key, { app, title, ms });
  };

  const { first, end } = wholeDays(range);
  const ids = [...wanted.keys()];
  rolledWindows(db, first, end - 1, ids).forEach(look);
  for (const { span: id, hour, ...activity } of rolledInput(db, first, end - 1, ids)) {
    const span = wanted.get(id);
    if (span) input.push({ span, hour, activity });
  }
  for (const time of unrolledTimes(db, spans, range)) {
    see(db, spans, time, {
      look({ span, app, title, from: begins, to: ends }) {
        if (wanted.has(span.id)) look({ app, title, ms: ends - begins });
      },
      share(share) {
        if (wanted.has(share.span.id)) input.push(share);
      },
    });
  }
  return {
    from,
    to,
    spans: [...wanted.values()].flatMap((span) => cutSpan(span, from, to) ?? []),
    windows: [...windows.values()].map(({ app, title, ms }) => ({
      app: text(app),
      title: title === 0 ? null : text(title),
      ms,
    })),
    input,
  };
}

/** What of a time isn't rolled up: its edges, and days that never were. */
function unrolledTimes(db: Database, spans: readonly Span[], range: Range): Range[] {
  const { first, end } = wholeDays(range);
  if (first === end) return [range];
  const work = spans.filter(({ kind }) => kind === "work");
  const times: Range[] = [{ from: range.from, to: first * DAY_MS }];
  for (const day of [...unrolledDays(db, work, range), end]) {
    const last = times.at(-1) as Range;
    const next =
      day === end ? { from: end * DAY_MS, to: range.to } : { from: day * DAY_MS, to: (day + 1) * DAY_MS };
    if (last.to === next.from) last.to = next.to;
    else times.push(next);
  }
  return times.filter(({ from, to }) => from < to);
}

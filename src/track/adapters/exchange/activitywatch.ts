import { hostname } from "node:os";
import { addCounts, clicksOf, type InputCounts, NO_INPUT } from "../../core/counts.ts";
import type { SpanKind } from "../../core/span.ts";
import type { Draft, Format, InputRecord, Place, SpanRecord, WindowRecord } from "./format.ts";
import { parseJson, wrongAt } from "./json-place.ts";

/**
 * The buckets of an ActivityWatch server as its `/api/0/export` gives them: an object of buckets by their ids, with or
 * without `{"buckets": …}` around it. An event is `{timestamp, duration, data}`, its duration in seconds. Of the types of
 * buckets these are known here:
 *
 * - `afkstatus`: `{status}`, `not-afk` for work and `afk` for the rest
 * - `currentwindow`: `{app, title}`
 * - `os.hid.input`: `{presses, clicks, deltaX, deltaY, scrollX, scrollY}`
 *
 * What else we know of an event is in `stint` within its data, which ActivityWatch leaves alone, so that nothing is lost
 * on the way there and back. Events without it are another's:
 *
 * - Work is when any of its buckets says `not-afk`, away when all that say something say `afk`: two machines, or two
 *   events that overlap by a moment, make no time twice.
 * - One window is active at a time: each lasts until the next begins.
 * - Input goes into rows of {@link ROW_MS}; its clicks are of no known button, and the pointer's way is the shortest that
 *   its two axes allow.
 */

/** As long as a row of input is by default, ms. */
const ROW_MS = 30_000;

type Bucket = { name: string; type: "afkstatus" | "currentwindow" | "os.hid.input" };
const BUCKETS = {
  afk: { name: "stint-afk", type: "afkstatus" },
  window: { name: "stint-window", type: "currentwindow" },
  input: { name: "stint-input", type: "os.hid.input" },
} as const satisfies Record<string, Bucket>;

const STATUS: Readonly<Record<SpanKind, "afk" | "not-afk">> = { work: "not-afk", pause: "afk", away: "afk" };

type Times = { readonly started_at: number; readonly ended_at: number };

function afkData(span: SpanRecord): object {
  const { started_at: _, ended_at: __, ...stint } = span;
  return { status: STATUS[span.kind], stint };
}

function windowData({ session, app, title, process, pid }: WindowRecord): object {
  // An event has a title in any case: that we have none is said beside it.
  return { app, title: title ?? "", stint: { session, ...(title === null ? { title } : {}), process, pid } };
}

function inputData(record: InputRecord): object {
  const { started_at: _, ended_at: __, presses, delta_x, delta_y, scroll_x, scroll_y, ...stint } = record;
  const axes = { deltaX: delta_x, deltaY: delta_y, scrollX: scroll_x, scrollY: scroll_y };
  return { presses, clicks: clicksOf(record), ...axes, stint };
}

/** A bucket, unless it would be empty. */
function* bucket<T extends Times>(
  { name, type }: Bucket,
  records: Iterable<T>,
  data: (record: T) => object,
  comma: boolean,
): Generator<string, boolean> {
  const host = hostname();
  const id = `${name}_${host}`;
  let begun = false;
  for (const record of records) {
    const timestamp = new Date(record.started_at).toISOString();
    if (!begun) {
      const head = JSON.stringify({ id, type, client: "stint", hostname: host, created: timestamp });
      yield `${comma ? ",\n" : ""}${JSON.stringify(id)}:${head.slice(0, -1)},"events":[\n`;
    }
    const duration = (record.ended_at - record.started_at) / 1000;
    yield `${begun ? ",\n" : ""}${JSON.stringify({ timestamp, duration, data: data(record) })}`;
    begun = true;
  }
  if (begun) yield "\n]}";
  return begun || comma;
}

export const activitywatch: Format = {
  *write({ spans, windows, input }) {
    yield '{"buckets":{\n';
    let comma = yield* bucket(BUCKETS.afk, spans, afkData, false);
    comma = yield* bucket(BUCKETS.window, windows(), windowData, comma);
    yield* bucket(BUCKETS.input, input(), inputData, comma);
    yield "\n}}\n";
  },
  *read(text) {
    const theirs: Theirs = { active: [], afk: [], windows: [], input: [] };
    for (const { type, at, events } of bucketsOf(text)) {
      for (const [i, each] of events.entries()) {
        const place = [...at, "events", i];
        const draft = readEvent(type, each, place, theirs, (what) => wrongAt(text, place, what));
        if (draft) yield draft;
      }
    }
    yield* spansOf(theirs);
    yield* windowsOf(theirs);
    yield* inputOf(theirs);
  },
};

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function* bucketsOf(text: string): Generator<{ type: string; at: string[]; events: readonly unknown[] }> {
  const all = parseJson(text);
  const wrapped = isObject(all) && isObject(all["buckets"]);
  const buckets = wrapped ? (all as Members)["buckets"] : all;
  if (!isObject(buckets)) throw wrongAt(text, [], "it isn't an object of buckets by their ids");
  for (const [id, each] of Object.entries(buckets)) {
    const at = wrapped ? ["buckets", id] : [id];
    const { type, events } = isObject(each) ? each : {};
    if (typeof type !== "string" || !Array.isArray(events)) {
      throw wrongAt(text, at, "it isn't a bucket with a type and events");
    }
    yield { type, at, events };
  }
}

/** An event of another program, until all are known. */
type Event = Times & { at: Place };
type Theirs = {
  active: Event[];
  afk: Event[];
  windows: (Event & { app: string; title: string })[];
  input: (Event & { counts: InputCounts })[];
};

/** @returns what an event of ours is, or why one is left out; one of theirs is put with the others of its kind */
function readEvent(
  type: string,
  event: unknown,
  at: Place,
  theirs: Theirs,
  wrong: (what: string) => Error,
): Draft | undefined {
  const { timestamp, duration = 0, data } = isObject(event) ? event : {};
  if (typeof timestamp !== "string" || typeof duration !== "number" || !isObject(data)) {
    throw wrong("it isn't an event with timestamp, duration and data");
  }
  const times = timesOf(timestamp, duration, wrong);
  const own = isObject(data["stint"]) ? data["stint"] : undefined;
  switch (type) {
    case "afkstatus": {
      if (own) return { at, type: "span", fields: { ...own, ...times } };
      const { status } = data;
      if (typeof status !== "string") throw wrong("its data has no status");
      if (status === "not-afk") theirs.active.push({ at, ...times });
      else if (status === "afk") theirs.afk.push({ at, ...times });
      else return { at, skip: "times neither afk nor not-afk" };
      return undefined;
    }
    case "currentwindow": {
      const { app, title = "" } = data;
      if (typeof app !== "string" || typeof title !== "string") throw wrong("its data has no app and title");
      if (own) return { at, type: "window", fields: { app, title, ...own, ...times } };
      if (times.started_at === times.ended_at) return { at, skip: "windows without a length" };
      theirs.windows.push({ at, ...times, app, title });
      return undefined;
    }
    case "os.hid.input": {
      const counts = countsOf(data, own, wrong);
      if (own) return { at, type: "input", fields: { session: own["session"], ...counts, ...times } };
      if (Object.values(counts).some((count) => count > 0)) theirs.input.push({ at, ...times, counts });
      return undefined;
    }
    default:
      return { at, skip: `events of ${type}` };
  }
}

function timesOf(timestamp: string, duration: number, wrong: (what: string) => Error): Times {
  const known = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(timestamp);
  const started_at = known ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(started_at)) {
    throw wrong(`its timestamp is '${timestamp}', which isn't a time with its offset`);
  }
  if (!(duration >= 0)) throw wrong(`its duration is ${duration}`);
  return { started_at, ended_at: started_at + Math.round(duration * 1000) };
}

function countsOf(data: Members, own: Members | undefined, wrong: (what: string) => Error): InputCounts {
  const count = (of: Members, name: string): number => {
    const value = of[name] ?? 0;
    if (typeof value !== "number" || !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
      throw wrong(`its ${name} isn't a number`);
    }
    return Math.round(Math.abs(value));
  };
  const axes = {
    presses: count(data, "presses"),
    delta_x: count(data, "deltaX"),
    delta_y: count(data, "deltaY"),
    scroll_x: count(data, "scrollX"),
    scroll_y: count(data, "scrollY"),
  };
  if (own) {
    const rest = Object.keys(NO_INPUT).filter((name) => !(name in axes));
    return { ...NO_INPUT, ...axes, ...Object.fromEntries(rest.map((name) => [name, count(own, name)])) };
  }
  const distance_px = Math.round(Math.hypot(axes.delta_x, axes.delta_y));
  return { ...NO_INPUT, ...axes, other: count(data, "clicks"), distance_px };
}

const byStart = (a: Times, b: Times): number => a.started_at - b.started_at;

/** Events that overlap or touch become one. */
function joined(events: readonly Event[]): Event[] {
  const all: { at: Place; started_at: number; ended_at: number }[] = [];
  for (const event of events.toSorted(byStart)) {
    const last = all.at(-1);
    if (last && event.started_at <= last.ended_at) last.ended_at = Math.max(last.ended_at, event.ended_at);
    else if (event.ended_at > event.started_at) all.push({ ...event });
  }
  return all;
}

/** ```
 * active   [———]   [——]
 * afk    [———————]   [————]
 * away   [—]   [—]    [———]
 * ```
 */
function* spansOf({ active, afk }: Theirs): Generator<Draft> {
  const work = joined(active);
  const span = (kind: SpanKind, { at, started_at, ended_at }: Event): Draft => ({
    at,
    type: "span",
    fields: { kind, started_at, ended_at },
  });
  for (const each of work) yield span("work", each);
  let next = 0;
  for (const { at, started_at, ended_at } of joined(afk)) {
    let from = started_at;
    // Those that end before it begins are of no concern to any that follows.
    while ((work[next]?.ended_at ?? Number.POSITIVE_INFINITY) <= started_at) next++;
    for (let i = next; from < ended_at; i++) {
      const there = work[i];
      const to = Math.min(there?.started_at ?? ended_at, ended_at);
      if (from < to) yield span("away", { at, started_at: from, ended_at: to });
      from = there ? Math.max(from, there.ended_at) : ended_at;
    }
  }
}

function* windowsOf({ windows }: Theirs): Generator<Draft> {
  const sorted = windows.sort(byStart);
  for (const [i, { at, app, title, started_at, ended_at }] of sorted.entries()) {
    const until = Math.min(ended_at, sorted[i + 1]?.started_at ?? ended_at);
    if (until === started_at) yield { at, skip: "windows behind another" };
    else yield { at, type: "window", fields: { app: app.toLowerCase(), title, started_at, ended_at: until } };
  }
}

function* inputOf({ input }: Theirs): Generator<Draft> {
  let row: { at: Place; started_at: number; ended_at: number; counts: InputCounts } | undefined;
  const draft = ({ at, counts, started_at, ended_at }: NonNullable<typeof row>): Draft => ({
    at,
    type: "input",
    fields: { ...counts, started_at, ended_at },
  });
  for (const event of input.sort(byStart)) {
    const { at, started_at, ended_at, counts } = event;
    if (row && Math.floor(row.started_at / ROW_MS) === Math.floor(started_at / ROW_MS)) {
      row.ended_at = Math.max(row.ended_at, ended_at);
      addCounts(row.counts, counts);
      continue;
    }
    if (row) yield draft(row);
    row = { at, started_at, ended_at, counts: { ...counts } };
  }
  if (row) yield draft(row);
}

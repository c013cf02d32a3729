import { statSync } from "node:fs";
import { setImmediate as aTurn } from "node:timers/promises";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { dayText, localDay, localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { storePath } from "../../kernel/store.ts";
import type { EventRow } from "../core/event.ts";
import { eventText, isBad } from "../core/event-text.ts";
import { type Page, readPage, seekEvents } from "./journal.ts";

const DEFAULT_LINES = 100;
/** So many are read at once. */
const PAGE = 1_000;
/** It is looked so often whether the store was written, ms. */
const LOOK_MS = 100;
/** And read so often whatever that says, ms. */
const READ_MS = 2_000;

/** `stint detect events`: what the store has, whether a host lives or not. */
export async function events(context: Context, options: Options): Promise<number> {
  const { output, profile, life } = context;
  const { lines = DEFAULT_LINES, follow = false } = options as { lines?: number; follow?: boolean };
  const over = new AbortController();
  using _ = life.own({ end: () => over.abort(), hurry: async () => {} });
  output.onClosed(() => over.abort());
  const tell = teller(output);
  let next = await seekEvents(profile, lines);
  let told = 0;
  for (let seen = ""; !over.signal.aborted; ) {
    // Taken before the store is read: what is written meanwhile is found the next time.
    seen = written();
    const page = await readOn(profile, next, follow);
    page.events.forEach(tell);
    told += page.events.length;
    next = page.next;
    // Signals have their turn while there is a lot.
    if (page.events.length > 0) await aTurn();
    else if (follow) await change(seen, over.signal);
    else break;
  }
  if (told === 0 && lines > 0 && !follow) output.note("nothing has happened yet");
  return Exit.ok;
}

/** What comes next. Whoever follows waits until a store that is busy, or being updated, can be read again. */
async function readOn(profile: string, next: number, follow: boolean): Promise<Page> {
  try {
    return await readPage(profile, next, PAGE);
  } catch (error) {
    if (follow && error instanceof Expected && error.exit === Exit.again) return { events: [], next };
    throw error;
  }
}

/** What tells that the store was written: its log of writes grows, or begins anew. */
function written(): string {
  const path = storePath();
  return [path, `${path}-wal`]
    .map((each) => statSync(each, { throwIfNoEntry: false, bigint: true }))
    .map((stat) => `${stat?.mtimeNs}:${stat?.size}:${stat?.ino}`)
    .join();
}

/** Resolves once the store may have been written since. */
async function change(seen: string, signal: AbortSignal): Promise<void> {
  const end = systemClock.monotonic() + READ_MS;
  do await systemClock.sleep(LOOK_MS, signal);
  while (!signal.aborted && written() === seen && systemClock.monotonic() < end);
}

/** Prints an event: NDJSON, or for people, with the day where another one has begun. */
function teller(output: Output): (row: EventRow) => void {
  const now = systemClock.wall();
  let day = localDay(now, localOffset(now));
  return (row) => {
    const offset = localOffset(row.at);
    output.emit({ type: "event", ...row, utc_offset_min: offset }, () => {
      const before = day;
      day = localDay(row.at, offset);
      const said = day === before ? "" : `${output.paint(2, dayText(day))}\n`;
      const time = localTime(row.at, offset).toPlainTime().toString({ smallestUnit: "second" });
      const text = eventText(row);
      return `${said}${output.paint(2, time)} ${isBad(row) ? output.paint(31, text) : text}`;
    });
  };
}

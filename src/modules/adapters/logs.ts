import { readdirSync } from "node:fs";
import { momentOf, pastTime } from "../../kernel/arguments.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { parseDuration } from "../../kernel/core/duration.ts";
import { pick } from "../../kernel/core/glob.ts";
import { dayText, localDay } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { findHosts } from "../../kernel/seat.ts";
import { cells, fit, oneRow } from "../../kernel/tui/text.ts";
import { type LogLine, parseLogLine } from "../core/log-line.ts";
import { isModuleName, type ModuleRow } from "../core/module.ts";
import { TimeColumn } from "../core/time-column.ts";
import { LineReader, logLines, printLines } from "./follow.ts";
import { Places } from "./places.ts";
import { noSupervisor, reachOf } from "./reach.ts";

/** So many lines are shown at first, of all modules together. */
const DEFAULT_LINES = 100;
/** How often it is looked for modules that were added, ms. */
const LOOK_MS = 250;

/** `stint modules logs [NAMES]`. @throws Expected 69 once it has shown what there is, when there is no supervisor */
export async function logs(context: Context, names: readonly string[], options: Options): Promise<number> {
  const { output, profile } = context;
  const { lines, since, follow = false } = options as { lines?: number; since?: string; follow?: boolean };
  const from = since === undefined ? undefined : sinceOf(since);
  const places = new Places(profile);
  const patterns = names.length > 0 ? names : ["*"];
  const runs = findHosts({ kind: "modules", profile }).length > 0;
  if (names.length > 0) await checkNames(context, names, runs);
  const meant = () => pick(patterns, namesIn(places)).picked;

  const follows = follow && runs;
  using merged = new MergedLogs(places, follows);
  const last = lines ?? (from === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY);
  const found = merged.begin(meant(), last, from);
  if (found === 0 && last > 0 && runs && !follow) output.note("nothing was said");
  const tell = teller(output);
  let lookAt = systemClock.monotonic() + LOOK_MS;
  const code = await printLines(context, follows, (watch) => {
    if (follows && systemClock.monotonic() >= lookAt) {
      lookAt = systemClock.monotonic() + LOOK_MS;
      for (const name of meant()) merged.add(name);
    }
    for (const path of merged.paths) watch(path);
    const said = merged.next();
    for (const line of said) tell(line);
    return said.length > 0;
  });
  if (!runs && !output.closed) throw await noSupervisor(context);
  return code;
}

/** The modules that have been run here. */
function namesIn({ folder }: Places): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return names.filter(isModuleName).sort();
  } catch {
    return [];
  }
}

/** @throws Expected 2 for a name of no module; 69 when nobody can know */
async function checkNames(context: Context, patterns: readonly string[], runs: boolean): Promise<void> {
  const known = namesIn(new Places(context.profile));
  if (pick(patterns, known).unknown.length === 0) return;
  if (!runs && known.length === 0) throw await noSupervisor(context);
  // One that hasn't run yet.
  const { modules = [] } = runs ? ((await reachOf(context).state()) as { modules?: ModuleRow[] }) : {};
  const all = [...new Set([...known, ...modules.map(({ name }) => name)])];
  const [unknown] = pick(patterns, all).unknown;
  if (unknown !== undefined)
    throw new Expected(Exit.usage, `there is no module '${unknown}'`, `there are ${all.join(", ")}`);
}

const SINCE_FORMS = "10m (or 90s, 1h30m; 24h at most), 14:05, 2026-11-22 14:05, or 2026-11-22T14:05:01Z";

/** When `--since` is, UTC ms: so long ago, or a time; one of the day that hasn't been yet is yesterday's. @throws Expected 2 */
function sinceOf(text: string): number {
  const now = systemClock.wall();
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const today = localDay(now, localOffset(now));
  try {
    const time = pastTime(text);
    const { wall } = momentOf(time, dayText(today));
    return wall > now && /^\d?\d:/.test(time) ? momentOf(time, dayText(today - 1)).wall : wall;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new Expected(error.exit, error.message, SINCE_FORMS);
  }
}

type Said = LogLine & { readonly name: string };

/** A module's log, with the lines that were read and not yet given. */
type Source = {
  readonly name: string;
  readonly reader: LineReader;
  readonly parse: ReturnType<typeof logLines>;
  lines: LogLine[];
  given: number;
};

/** Signals have their turn after so many lines. */
const AT_A_TIME = 1_000;

/** The logs of modules as one, by time. It holds a piece of each, whatever their size. */
class MergedLogs implements Disposable {
  readonly #places: Places;
  readonly #follows: boolean;
  readonly #sources = new Map<string, Source>();
  /** So many lines are passed over. */
  #over = 0;

  /** @param follows whether it goes on with what is said after its beginning */
  constructor(places: Places, follows: boolean) {
    this.#places = places;
    this.#follows = follows;
  }

  /**
   * Begins with the last `n` lines of all modules together, and with none from before `since` (UTC ms).
   * @returns how many lines those are
   * @throws Expected 74 when a log can't be read
   */
  begin(names: readonly string[], n: number, since: number | undefined): number {
    const tooOld = (line: string) => (parseLogLine(line)?.at ?? Number.POSITIVE_INFINITY) < (since ?? 0);
    let found = 0;
    for (const name of names)
      found += this.add(name).reader.seek(n, since === undefined ? undefined : tooOld);
    this.#over = Math.max(0, found - n);
    return found - this.#over;
  }

  /** Takes in a module from its first line on, unless it is there. */
  add(name: string): Source {
    const known = this.#sources.get(name);
    if (known) return known;
    const reader = new LineReader(this.#places.of(name).log, this.#follows);
    const source = { name, reader, parse: logLines(), lines: [], given: 0 };
    this.#sources.set(name, source);
    return source;
  }

  get paths(): string[] {
    return [...this.#sources.values()].map(({ reader }) => reader.path);
  }

  /** Some of the next lines; none when there are no more now. @throws Expected 74 when a log can't be read */
  next(): Said[] {
    const said: Said[] = [];
    let ready = [...this.#sources.values()].filter(hasMore);
    while (ready.length > 0 && said.length < AT_A_TIME) {
      const first = ready.reduce((one, other) => (head(other).at < head(one).at ? other : one));
      const line = head(first);
      first.given++;
      if (this.#over > 0) this.#over--;
      else said.push({ name: first.name, ...line });
      if (!hasMore(first)) ready = ready.filter((source) => source !== first);
    }
    return said;
  }

  [Symbol.dispose](): void {
    for (const { reader } of this.#sources.values()) reader[Symbol.dispose]();
  }
}

/** The next line of one that {@link hasMore}. */
const head = ({ lines, given }: Source): LogLine => lines[given] as LogLine;

/** Whether it has a line to give; reads on where it has to. */
function hasMore(source: Source): boolean {
  while (source.given >= source.lines.length) {
    const read = source.reader.next();
    if (!read) return false;
    source.lines = source.parse(read);
    source.given = 0;
  }
  return true;
}

const COLOURS = [36, 32, 35, 34, 33];

/** Prints lines: for people with the local time, and a colour to each module. */
function teller(output: Output): (line: Said) => void {
  const now = systemClock.wall();
  const column = new TimeColumn(localDay(now, localOffset(now)));
  const colours = new Map<string, number>();
  let width = 0;
  return ({ name, at, text, mark }) => {
    if (output.json) {
      output.emit({ type: "log", name, at, text, mark });
      return;
    }
    const { day, time } = column.next(at, localOffset(at));
    if (day !== undefined) output.text(`${output.paint(2, day)}\n`);
    if (!colours.has(name)) colours.set(name, COLOURS[colours.size % COLOURS.length] ?? 0);
    width = Math.max(width, cells(name));
    const whose = output.paint(colours.get(name) ?? 0, fit(name, width));
    output.text(
      `${output.paint(2, time)} ${whose}  ${mark ? output.paint(33, `-- ${oneRow(text)}`) : oneRow(text)}\n`,
    );
  };
}

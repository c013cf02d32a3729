/** A stretch of time as one row of cells, each with the pattern of what most of it was. */

import { cells, fit } from "../../kernel/tui/text.ts";
import type { Piece } from "../core/view.ts";
import { hourMinute } from "./words.ts";

/** What a row is drawn over, UTC ms, and what stands at its ends. */
export type Stretch = {
  readonly from: number;
  readonly to: number;
  readonly first: string;
  readonly last: string;
};

/** The apps that have a pattern of their own, the most used first; told apart without colours. */
const PATTERNS = ["█", "▓", "▒", "░"] as const;
const OTHER = "▚";
const AWAY = "·";
const PAUSED = "-";

/** A day isn't drawn over less than so many hours, so that its first minutes don't fill it. */
const LEAST_HOURS = 8;

const hourOf = (date: string, hour: number): number => {
  const { year, month, day } = Temporal.PlainDate.from(date);
  return new Date(year, month - 1, day, hour).getTime();
};

const two = (hour: number): string => String(hour).padStart(2, "0");

/** The whole hours of a local day that its pieces lie in. */
export function stretchOfDay(date: string, line: readonly Piece[]): Stretch {
  const [dayBegins, dayEnds] = [hourOf(date, 0), hourOf(date, 24)];
  const within = line.filter(({ from, to }) => from < dayEnds && to > dayBegins);
  const from = Math.max(dayBegins, within[0]?.from ?? hourOf(date, 8));
  const to = Math.min(dayEnds, within.at(-1)?.to ?? from);
  const end = new Date(to);
  const whole = end.getMinutes() === 0 && end.getSeconds() === 0;
  const begins = new Date(from).getHours();
  const ends = to >= dayEnds ? 24 : end.getHours() + (whole ? 0 : 1);
  const first = Math.min(begins, 24 - LEAST_HOURS);
  const last = Math.max(ends, first + LEAST_HOURS);
  return { from: hourOf(date, first), to: hourOf(date, last), first: two(first), last: two(last) };
}

/** From the first piece to the last. */
export function stretchOfPieces(line: readonly Piece[]): Stretch | undefined {
  const [from, to] = [line[0]?.from, line.at(-1)?.to];
  if (from === undefined || to === undefined) return undefined;
  return { from, to, first: hourMinute(from), last: hourMinute(to) };
}

/** How each app is drawn. @param apps the most used first */
function patternsOf(apps: readonly { readonly app: string }[]): ReadonlyMap<string, string> {
  return new Map(PATTERNS.flatMap((pattern, rank) => (apps[rank] ? [[apps[rank].app, pattern]] : [])));
}

function patternOf({ kind, app }: Piece, patterns: ReadonlyMap<string, string>): string {
  if (kind === "work") return (app === null ? undefined : patterns.get(app)) ?? OTHER;
  return kind === "away" ? AWAY : PAUSED;
}

/** A pattern a cell, a space where nothing is known. */
function cellsOf(
  line: readonly Piece[],
  { from, to }: Stretch,
  width: number,
  patterns: ReadonlyMap<string, string>,
): string[] {
  const length = Math.max(1, to - from) / width;
  const shares: Map<string, number>[] = Array.from({ length: width }, () => new Map());
  for (const piece of line) {
    const pattern = patternOf(piece, patterns);
    const first = Math.max(0, Math.floor((piece.from - from) / length));
    const last = Math.min(width - 1, Math.floor((piece.to - from) / length));
    for (let cell = first; cell <= last; cell++) {
      const begins = from + cell * length;
      const covered = Math.min(piece.to, begins + length) - Math.max(piece.from, begins);
      const share = shares[cell];
      if (covered > 0) share?.set(pattern, (share.get(pattern) ?? 0) + covered);
    }
  }
  return shares.map(
    (share) => [...share].reduce((most, each) => (each[1] > most[1] ? each : most), [" ", 0])[0],
  );
}

/** Cells between two marks of the hours, at the least. */
const MARK_GAP = 5;

/** `    09   10   11`: the full hours below a row of cells. */
function hourRow({ from, to, first }: Stretch, width: number): string {
  const start = new Date(from);
  const hours = (to - from) / 3_600_000;
  const step = [1, 2, 3, 6, 12, 24].find((step) => (width / hours) * step >= MARK_GAP) ?? 24;
  let row = " ".repeat(cells(first) + 1);
  const offset = row.length;
  start.setMinutes(0, 0, 0);
  for (let at = start.getTime(); at <= to; at += 3_600_000) {
    const hour = new Date(at).getHours();
    const cell = offset + Math.round(((at - from) / (to - from)) * width);
    const inside = at > from && at < to;
    if (inside && hour % step === 0 && cell > row.length - 1) row = `${row.padEnd(cell)}${two(hour)}`;
  }
  return row;
}

/**
 * `08 ███▓▓··███   16` and below it what the patterns are.
 * @param apps the most used first
 * @param marked with a row of the hours between the two
 */
export function dayLine(
  line: readonly Piece[],
  stretch: Stretch,
  apps: readonly { readonly app: string }[],
  width: number,
  marked: boolean,
): string[] {
  const { first, last } = stretch;
  const indent = cells(first) + 1;
  const room = Math.max(1, width - indent - cells(last) - 1);
  const patterns = patternsOf(apps);
  const drawn = cellsOf(line, stretch, room, patterns);
  const named = [
    ...Array.from(patterns, ([app, pattern]) => ({ pattern, name: app })),
    { pattern: OTHER, name: "other" },
    { pattern: AWAY, name: "away" },
    { pattern: PAUSED, name: "paused" },
  ];
  const legend = named.filter(({ pattern }) => drawn.includes(pattern));
  // One long name doesn't take the others' room.
  const most = Math.max(8, Math.floor((width - indent) / Math.max(1, legend.length)) - 4);
  const names = legend.map(
    ({ pattern, name }) => `${pattern} ${cells(name) > most ? fit(name, most) : name}`,
  );
  const spaced = names.join("  ");
  const told = cells(spaced) <= width - indent ? spaced : names.join(" ");
  return [
    `${first} ${drawn.join("")} ${last}`,
    ...(marked ? [hourRow(stretch, room)] : []),
    fit(" ".repeat(indent) + (legend.length === 0 ? "nothing tracked" : told), width),
  ];
}

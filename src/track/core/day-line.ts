import type { Span } from "./span.ts";
import type { Piece } from "./view.ts";

/** Within a span the app that was looked at most is told for each of these: 192 of them are a day. */
const CELL_MS = 450_000;

/**
 * The pieces of a line of what was when: spans to the ms, and within work, cell by cell, the app that was looked at most, or none.
 * Neighbours that are the same are one piece.
 * @param spans in order of time
 * @param looked what apps were looked at in a span
 */
export function piecesOf(
  spans: readonly Span[],
  looked: (span: Span) => Iterable<{ app: string; from: number; to: number }>,
): Piece[] {
  const line: Piece[] = [];
  for (const span of spans) {
    const { kind, project, started_at, ended_at } = span;
    const cells = kind === "work" ? appsOfCells(looked(span)) : undefined;
    for (let from = started_at; from < ended_at; ) {
      const cell = Math.floor(from / CELL_MS);
      const to = cells ? Math.min(ended_at, (cell + 1) * CELL_MS) : ended_at;
      add(line, { from, to, kind, app: mostOf(cells?.get(cell), to - from), project });
      from = to;
    }
  }
  return line;
}

function appsOfCells(looks: Iterable<{ app: string; from: number; to: number }>) {
  const cells = new Map<number, Map<string, number>>();
  for (const { app, from, to } of looks) {
    for (let at = from; at < to; ) {
      const cell = Math.floor(at / CELL_MS);
      const end = Math.min(to, (cell + 1) * CELL_MS);
      const apps = cells.get(cell) ?? new Map<string, number>();
      cells.set(cell, apps);
      apps.set(app, (apps.get(app) ?? 0) + end - at);
      at = end;
    }
  }
  return cells;
}

/** The app that most of a cell belongs to; null where that is no app. */
function mostOf(apps: ReadonlyMap<string, number> | undefined, length: number): string | null {
  let most: string | null = null;
  let ms = 0;
  let none = length;
  for (const [app, its] of apps ?? []) {
    none -= its;
    if (its > ms) [most, ms] = [app, its];
  }
  return ms >= none ? most : null;
}

function add(line: Piece[], piece: Piece): void {
  const last = line.at(-1);
  const same =
    last?.to === piece.from &&
    last.kind === piece.kind &&
    last.app === piece.app &&
    last.project === piece.project;
  if (same) last.to = piece.to;
  else line.push(piece);
}

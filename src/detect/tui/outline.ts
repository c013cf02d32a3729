/** Zones as they are drawn on a picture of their camera, and taken back again. Pure. */
import type { Outline } from "../core/edit.ts";
import type { Point } from "../core/frame.ts";
import { polygonProblem } from "../core/geometry.ts";

/** A zone on the sheet. While it is `open` points are added at its end; later, in its nearest side. */
export type Shape = Outline & { readonly open: boolean };

/** What is drawn on. */
export type Sheet = {
  /** Of the picture: what is near is so in pixels. */
  readonly ratio: number;
  readonly shapes: readonly Shape[];
  /** The place of the selected one; -1: there is none. */
  readonly selected: number;
  readonly cursor: Point;
  /** The place of the point, of the selected shape, that moves with the cursor. */
  readonly held: number | null;
  /** As it is in the file. */
  readonly saved: readonly Outline[];
  /** What it was before each step, the last one last. */
  readonly past: readonly (readonly Shape[])[];
};

/** So many steps can be taken back. */
const MOST_STEPS = 200;

/** A sheet with the zones of a camera. */
export const sheetOf = (zones: readonly Outline[], ratio: number): Sheet => ({
  ratio,
  shapes: zones.map(({ name, points }) => ({ name, points, open: false })),
  selected: zones.length > 0 ? 0 : -1,
  cursor: [0.5, 0.5],
  held: null,
  saved: zones,
  past: [],
});

const within = (share: number): number => Math.min(1, Math.max(0, share));
const at = ([x, y]: Point): Point => [within(x), within(y)];

/** How far apart two points are, in heights of the picture. */
const apart = ({ ratio }: Sheet, [ax, ay]: Point, [bx, by]: Point): number =>
  Math.hypot((ax - bx) * ratio, ay - by);

/** How far a point is from the side between two others. */
function fromSide(sheet: Sheet, [x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const { ratio } = sheet;
  const [dx, dy] = [(bx - ax) * ratio, by - ay];
  const long = dx * dx + dy * dy;
  const along = long === 0 ? 0 : within(((x - ax) * ratio * dx + (y - ay) * dy) / long);
  return apart(sheet, [x, y], [ax + (along * dx) / ratio, ay + along * dy]);
}

/** The shape that keys act on. */
export const selectedOf = ({ shapes, selected }: Sheet): Shape | undefined => shapes[selected];

/** The place of the point of a shape that is nearest to another; -1 where there is none within `reach`. */
function nearest(
  sheet: Sheet,
  shape: Shape | undefined,
  to: Point,
  reach = Number.POSITIVE_INFINITY,
): number {
  const far = (shape?.points ?? []).map((point) => apart(sheet, point, to));
  const least = Math.min(...far);
  return least <= reach ? far.indexOf(least) : -1;
}

const stepped = (sheet: Sheet, shapes: readonly Shape[]): Sheet => ({
  ...sheet,
  shapes,
  past: [...sheet.past, sheet.shapes].slice(-MOST_STEPS),
});

const changed = (sheet: Sheet, change: (shape: Shape) => Shape): readonly Shape[] =>
  sheet.shapes.map((shape, place) => (place === sheet.selected ? change(shape) : shape));

const closed = ({ shapes }: Sheet): readonly Shape[] =>
  shapes.map((shape) => (shape.open ? { ...shape, open: false } : shape));

/** A new zone without points. */
export function begun(sheet: Sheet, name: string): Sheet {
  const shapes = [...closed(sheet), { name, points: [], open: true }];
  return { ...stepped(sheet, shapes), selected: shapes.length - 1, held: null };
}

/** The zone so many places on; the last is followed by the first. */
export function turned(sheet: Sheet, by: number): Sheet {
  const { length } = sheet.shapes;
  if (length === 0) return sheet;
  return select(sheet, (Math.max(0, sheet.selected) + by + length) % length);
}

function select(sheet: Sheet, selected: number): Sheet {
  const dropped = letGo(sheet);
  return {
    ...dropped,
    selected,
    shapes: closed(dropped),
    cursor: sheet.shapes[selected]?.points[0] ?? sheet.cursor,
  };
}

/** The cursor, and the point it holds, at another place; what is outside the picture is on its edge. */
export function moved(sheet: Sheet, to: Point): Sheet {
  const cursor = at(to);
  const { held } = sheet;
  if (held === null) return { ...sheet, cursor };
  const shapes = changed(sheet, (shape) => ({ ...shape, points: shape.points.with(held, cursor) }));
  return { ...sheet, cursor, shapes };
}

/** Takes hold of the selected shape's point that is nearest to the cursor. */
export function grabbed(sheet: Sheet): Sheet {
  const shape = selectedOf(sheet);
  const place = nearest(sheet, shape, sheet.cursor);
  return place < 0 ? sheet : hold(sheet, place);
}

const hold = (sheet: Sheet, place: number): Sheet => ({
  ...stepped(sheet, sheet.shapes),
  held: place,
  cursor: selectedOf(sheet)?.points[place] ?? sheet.cursor,
});

/** Lets go of the point. What wasn't moved is no step. */
export function letGo(sheet: Sheet): Sheet {
  if (sheet.held === null) return sheet;
  const isSame = JSON.stringify(sheet.past.at(-1)) === JSON.stringify(sheet.shapes);
  return { ...sheet, held: null, past: isSame ? sheet.past.slice(0, -1) : sheet.past };
}

/**
 * Adds a point to the selected shape at the cursor: at the end of an open one, which is closed by its first point; in
 * the nearest side of another. @param reach how near is at that point, in heights of the picture
 */
export function added(sheet: Sheet, reach: number): Sheet {
  if (sheet.held !== null) return letGo(sheet);
  const shape = selectedOf(sheet);
  if (!shape) return sheet;
  const { points, open } = shape;
  const isFirst = points[0] !== undefined && apart(sheet, points[0], sheet.cursor) <= reach;
  if (open && points.length >= 3 && isFirst) return stepped(sheet, closed(sheet));
  // Two points at one place would be a side without a length.
  if (points.some((point) => apart(sheet, point, sheet.cursor) === 0)) return sheet;
  const place = open ? points.length : placeFor(sheet, points);
  return stepped(
    sheet,
    changed(sheet, (each) => ({ ...each, points: points.toSpliced(place, 0, sheet.cursor) })),
  );
}

/** The place between the ends of the side that is nearest to the cursor. */
function placeFor(sheet: Sheet, points: readonly Point[]): number {
  const far = points.map((point, place) =>
    fromSide(sheet, sheet.cursor, point, points[(place + 1) % points.length] as Point),
  );
  return far.indexOf(Math.min(...far)) + 1;
}

/** Without the selected shape's point that is nearest to the cursor. */
export function removed(sheet: Sheet, reach?: number): Sheet {
  const place = nearest(sheet, selectedOf(sheet), sheet.cursor, reach);
  if (place < 0) return sheet;
  const dropped = letGo(sheet);
  return stepped(
    dropped,
    changed(dropped, (shape) => ({ ...shape, points: shape.points.toSpliced(place, 1) })),
  );
}

/** Without the selected zone. */
export function erased(sheet: Sheet): Sheet {
  const shapes = sheet.shapes.filter((_, place) => place !== sheet.selected);
  const selected = Math.min(sheet.selected, shapes.length - 1);
  return { ...stepped(letGo(sheet), shapes), selected };
}

/** As it was before the last step. */
export function undone(sheet: Sheet): Sheet {
  const shapes = sheet.past.at(-1);
  if (!shapes) return sheet;
  const selected = Math.min(Math.max(sheet.selected, shapes.length > 0 ? 0 : -1), shapes.length - 1);
  return { ...sheet, shapes, selected, held: null, past: sheet.past.slice(0, -1) };
}

/** The button is pressed: takes the point that is there, adds one where there is none. */
export function pressed(sheet: Sheet, to: Point, reach: number): Sheet {
  const here = { ...letGo(sheet), cursor: at(to) };
  const own = nearest(here, selectedOf(here), here.cursor, reach);
  const shape = selectedOf(here);
  if (own === 0 && shape?.open && shape.points.length >= 3) return stepped(here, closed(here));
  if (own >= 0) return hold(here, own);
  for (const [place, other] of here.shapes.entries()) {
    const point = nearest(here, other, here.cursor, reach);
    if (point >= 0) return hold(select(here, place), point);
  }
  const more = added(here, 0);
  // What was added is held already, and moved before the button is let go: one step.
  const place = selectedOf(more)?.points.indexOf(more.cursor) ?? -1;
  return more === here || place < 0 ? more : { ...more, held: place };
}

const isSame = (one: Outline, other: Outline | undefined): boolean =>
  other !== undefined && JSON.stringify(one.points) === JSON.stringify(other.points);

/** What is otherwise than in the file. */
export function changesOf({ shapes, saved }: Sheet): { drawn: Outline[]; removed: string[] } {
  const named = (all: readonly Outline[], name: string) => all.find((each) => each.name === name);
  return {
    drawn: shapes
      .filter((shape) => !isSame(shape, named(saved, shape.name)))
      .map(({ name, points }) => ({ name, points })),
    removed: saved.filter(({ name }) => !named(shapes, name)).map(({ name }) => name),
  };
}

/** Whether there is anything to be saved. */
export function isChanged(sheet: Sheet): boolean {
  const { drawn, removed } = changesOf(sheet);
  return drawn.length + removed.length > 0;
}

/** What stands against saving it: `dock crosses or touches itself`. */
export function problemOf({ shapes }: Sheet): string | undefined {
  for (const { name, points } of shapes) {
    const problem = polygonProblem(points);
    if (problem !== undefined) return `${name} ${problem}`;
  }
  return undefined;
}

import { drawnSize } from "../core/halfblock.ts";

/** Where panels go, in cells of a terminal. Pure. */

/** The least a panel can be: a picture of a few rows, a row for its zones, and its border. */
const LEAST = { columns: 26, rows: 6 };
/** What most cameras give. */
const USUAL = 16 / 9;

/** A size in cells. */
export type Size = { readonly columns: number; readonly rows: number };

/** What of a panel isn't picture: its border and its row of zones. */
export const FRAME: Size = { columns: 2, rows: 3 };

/** Panels of one size beside and below each other. */
export type Grid = Size & { readonly panel: Size };

/**
 * As many of `count` panels as there is room for, with pictures as large as can be; no higher than those need.
 * @param ratio of the pictures, or of the highest of them: width by height
 */
export function gridOf(count: number, room: Size, ratio: number = USUAL): Grid {
  const most = {
    columns: Math.max(1, Math.floor(room.columns / LEAST.columns)),
    rows: Math.max(1, Math.floor(room.rows / LEAST.rows)),
  };
  let best = { grid: { columns: 1, rows: 1, panel: room }, shown: 0, area: 0 };
  for (let columns = 1; columns <= Math.min(most.columns, count); columns++) {
    const rows = Math.min(most.rows, Math.ceil(count / columns));
    const [across, down] = [Math.floor(room.columns / columns), Math.floor(room.rows / rows)];
    // Large enough that none of it is lost to rounding.
    const whole = { width: ratio * 10_000, height: 10_000 };
    const picture = drawnSize(whole, across - FRAME.columns, down - FRAME.rows);
    const panel = { columns: across, rows: Math.min(down, Math.max(LEAST.rows, picture.rows + FRAME.rows)) };
    const [shown, area] = [Math.min(count, columns * rows), picture.columns * picture.rows];
    if (shown > best.shown || (shown === best.shown && area > best.area)) {
      best = { grid: { columns, rows, panel }, shown, area };
    }
  }
  return best.grid;
}

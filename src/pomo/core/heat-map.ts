/** A year of days as a map: a column a week, a row a weekday, the darker the more was done. */

/** What the five levels are drawn with, from nothing to the most; told apart without colours. */
export const HEAT_LEVELS = ["·", "░", "▒", "▓", "█"] as const;

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Cells for the weekdays' names and the space after them. */
const LABEL = 4;

/** The level of a count where the most is `most`; a few are not yet many, however little the most is. */
function level(count: number, most: number): number {
  return count <= 0 ? 0 : Math.min(4, Math.ceil((4 * count) / Math.max(4, most)));
}

/** The names of the months over the week each begins in; one that would touch the one before is left out. */
function monthRow(firstMonday: Temporal.PlainDate, weeks: number, cell: number): string {
  let row = "";
  for (let week = 0; week < weeks; week++) {
    const sunday = firstMonday.add({ days: 7 * week + 6 });
    const at = week * cell;
    const begins = sunday.day <= 7 && at >= row.length && at + 3 <= weeks * cell;
    if (begins) row = `${row.padEnd(at)}${MONTHS[sunday.month - 1]} `;
  }
  return row.trimEnd();
}

/**
 * The map in 8 rows of at most `width` cells: the months, then Monday to Sunday. Days are two cells wide where there is
 * room for all weeks so, else one; where one is too many, the oldest weeks are left out.
 * @param counts a number a day, oldest first, from a Monday to `today`
 * @param today `2026-11-22`
 */
export function heatMap(counts: readonly number[], today: string, width: number): string[] {
  const all = Math.ceil(counts.length / 7);
  const cell = LABEL + 2 * all <= width ? 2 : 1;
  const weeks = Math.max(0, Math.min(all, Math.floor((width - LABEL) / cell)));
  const from = (all - weeks) * 7;
  const most = counts.slice(from).reduce((max, count) => Math.max(max, count), 0);
  const firstMonday = Temporal.PlainDate.from(today).subtract({ days: counts.length - 1 - from });
  const days = WEEKDAYS.map((name, weekday) => {
    let row = `${name} `;
    for (let week = 0; week < weeks; week++) {
      const count = counts[from + 7 * week + weekday];
      if (count !== undefined) row += HEAT_LEVELS[level(count, most)]?.padEnd(cell);
    }
    return row.trimEnd();
  });
  return [(" ".repeat(LABEL) + monthRow(firstMonday, weeks, cell)).trimEnd(), ...days];
}

import { localOffset } from "../../kernel/clock.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import type { Findings } from "../core/groups.ts";
import { dateOf } from "./journal.ts";
import type { Range } from "./range.ts";

/** What a report is of; where all there is was asked for, from where it begins. */
export function timeOf({ from, to, spans }: Findings): Range {
  return { from: from === 0 ? (spans[0]?.started_at ?? from) : from, to };
}

const date = (wall: number): string => dateOf(wall, localOffset(wall));

/** A time in words: `2026-11-16 to 2026-11-22`, with the time of day where it isn't whole days. */
export function rangeText(range: Range): string {
  const whole = [range.from, range.to].every((wall) =>
    localTime(wall, localOffset(wall)).toPlainTime().equals(Temporal.PlainTime.from("00:00")),
  );
  if (whole) {
    const [first, last] = [date(range.from), date(range.to - 1)];
    return first === last ? first : `${first} to ${last}`;
  }
  const minute = (wall: number) =>
    localTime(wall, localOffset(wall))
      .toPlainDateTime()
      .toString({ smallestUnit: "minute" })
      .replace("T", " ");
  return `${minute(range.from)} to ${minute(range.to)}`;
}

/** The lines of the pages that are read: what stands behind a paused run, and what its strategy has said. Pure. */

import { inspectedLines } from "../core/results/inspected-text.ts";
import type { Inspected } from "../core/run-state.ts";
import { formatTime } from "../core/time/calendar.ts";
import type { Inspection } from "./inspection.ts";
import type { PageLine } from "./scroll-page.tsx";
import { isStill, type View } from "./words.ts";

/** A block of lines a symbol, or why there are none. */
export function inspectLines(view: View, { symbols, problem }: Inspection): readonly PageLine[] {
  if (!isStill(view)) {
    const text =
      view.mode === "live"
        ? "a live run can't be inspected: it isn't paused"
        : "only a paused run can be inspected: space pauses it";
    return [{ text, tone: "secondary" }];
  }
  if (problem !== undefined) return [{ text: problem, tone: "failed" }];
  if (!symbols) return [{ text: "asking the engine…", tone: "secondary" }];
  return symbols.flatMap((of, at) => [...(at > 0 ? [{ text: "" }] : []), ...symbolLines(of)]);
}

/** What the strategy has said, oldest first. */
export function logLines({ log = [], symbols = [] }: View): readonly PageLine[] {
  if (log.length === 0)
    return [{ text: "nothing yet: ctx.log(text) in a strategy writes here", tone: "secondary" }];
  const several = symbols.length > 1;
  return log.map(({ time, symbol, text }) => ({
    text: `${formatTime(time)}  ${several ? `${symbol}  ` : ""}${text}`,
  }));
}

function symbolLines(of: Inspected): PageLine[] {
  const { head, lines } = inspectedLines(of);
  const tone = of.bar === null ? "secondary" : "selected";
  return [{ text: head, tone }, ...lines.map((text) => ({ text }))];
}

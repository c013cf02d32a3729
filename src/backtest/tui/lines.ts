/** The lines of the pages that are read: what stands behind a paused run, and what its strategy has said. Pure. */
import { formatTime } from "../core/calendar.ts";
import type { Inspected } from "../core/run-state.ts";
import type { Inspection } from "./inspection.ts";
import type { PageLine } from "./scroll-page.tsx";
import { isStill, side, signed, units, type View, whole } from "./words.ts";

const LABEL = 13;

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
  const { symbol, bar, time, indicators, position, trades, orders, state } = of;
  if (bar === null || time === null) return [{ text: `${symbol}  no bar yet`, tone: "secondary" }];
  const prices = (["open", "high", "low", "close"] as const).map((name) => `${name} ${of[name]}`).join(" · ");
  const held =
    position.size === 0
      ? "flat"
      : `${side(position.size)} ${units(position.size)}   ${signed(position.profit)}`;
  return [
    { text: `${symbol}  bar ${whole(bar)} · ${formatTime(time)}`, tone: "selected" },
    labelled("bar", prices),
    ...Object.entries(indicators).map(([name, value]) =>
      labelled(name, value === null ? "–" : String(value)),
    ),
    labelled("position", held),
    ...trades.map((trade) => labelled("open trade", fieldsText(trade))),
    ...orders.map((order) => labelled("order", fieldsText(order))),
    ...(orders.length === 0 ? [labelled("orders", "none wait")] : []),
    ...stateLines(state),
  ];
}

const labelled = (label: string, value: string): PageLine => ({ text: `  ${label.padEnd(LABEL)} ${value}` });

/** `id 12 · side buy · limit 1.16`: what there is of it, less the symbol, which stands above. */
function fieldsText(of: unknown): string {
  if (typeof of !== "object" || of === null) return String(of);
  return Object.entries(of)
    .filter(([name, value]) => value !== null && name !== "symbol")
    .map(([name, value]) => {
      const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      const isTime = name.endsWith("Time") && typeof value === "number";
      return `${words} ${isTime ? formatTime(value) : typeof value === "object" ? JSON.stringify(value) : value}`;
    })
    .join(" · ");
}

function stateLines(state: unknown): PageLine[] {
  const [first = "", ...rest] = (JSON.stringify(state, undefined, 2) ?? "").split("\n");
  return [labelled("state", first), ...rest.map((line) => labelled("", line))];
}

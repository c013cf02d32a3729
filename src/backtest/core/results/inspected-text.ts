import type { Inspected } from "../run-state.ts";
import { formatTime } from "../time/calendar.ts";
import { side, signed, units, whole } from "./figures.ts";

/** What stands behind a run of a symbol, in words: the same on the command line and on the screen. */

const LABEL = 13;

/** The symbol and its bar, and the lines that belong to it. */
export function inspectedLines(of: Inspected): { readonly head: string; readonly lines: readonly string[] } {
  const { symbol, bar, time, indicators, position, trades, orders, state } = of;
  if (bar === null || time === null) return { head: `${symbol}  no bar yet`, lines: [] };
  const prices = (["open", "high", "low", "close"] as const).map((name) => `${name} ${of[name]}`).join(" · ");
  const held =
    position.size === 0
      ? "flat"
      : `${side(position.size)} ${units(position.size)}   ${signed(position.profit)}`;
  const lines = [
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
  return { head: `${symbol}  bar ${whole(bar)} · ${formatTime(time)}`, lines };
}

const labelled = (label: string, value: string): string => `  ${label.padEnd(LABEL)} ${value}`;

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

function stateLines(state: unknown): string[] {
  const [first = "", ...rest] = (JSON.stringify(state, undefined, 2) ?? "").split("\n");
  return [labelled("state", first), ...rest.map((line) => labelled("", line))];
}

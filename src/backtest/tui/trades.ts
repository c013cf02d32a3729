/** Closed trades as the rows of a table, sorted, in as many columns as there is room for. Pure. */
import { fit } from "../../kernel/tui/text.ts";
import { side, signed, units } from "../core/results/figures.ts";
import type { ShownTrade } from "../core/run-state.ts";
import { formatTime } from "../core/time/calendar.ts";

/** The orders that trades can be looked at in, by what they are called. `newest` is that of their exits. */
const ORDERS = {
  newest: (a, b) => b.exit_time - a.exit_time,
  oldest: (a, b) => a.exit_time - b.exit_time,
  best: (a, b) => b.pnl - a.pnl,
  worst: (a, b) => a.pnl - b.pnl,
  longest: (a, b) => b.exit_time - b.entry_time - (a.exit_time - a.entry_time),
  largest: (a, b) => value(b) - value(a),
} as const satisfies Record<string, (a: ShownTrade, b: ShownTrade) => number>;
export type TradeOrder = keyof typeof ORDERS;

const value = ({ size, entry_price }: ShownTrade): number => Math.abs(size) * entry_price;

const NAMES = Object.keys(ORDERS) as TradeOrder[];

/** The order after one, round and round. */
export const nextOrder = (order: TradeOrder): TradeOrder =>
  NAMES[(NAMES.indexOf(order) + 1) % NAMES.length] as TradeOrder;

/** The trades in an order; of two alike the newer comes first. @param trades oldest first */
export const sorted = (trades: readonly ShownTrade[], order: TradeOrder): readonly ShownTrade[] =>
  trades.toReversed().toSorted(ORDERS[order]);

type Column = {
  readonly title: string;
  /** In cells, with one before it. */
  readonly width: number;
  readonly align?: "right";
  text(trade: ShownTrade, digits: number): string;
};

const COLUMNS = {
  symbol: { title: "SYMBOL", width: 8, text: ({ symbol }) => symbol },
  side: { title: "SIDE", width: 5, text: ({ size }) => side(size) },
  size: { title: "SIZE", width: 10, align: "right", text: ({ size }) => units(size) },
  entered: { title: "ENTERED", width: 16, text: ({ entry_time }) => formatTime(entry_time).slice(0, 16) },
  entry: {
    title: "ENTRY",
    width: 10,
    align: "right",
    text: ({ entry_price }, digits) => entry_price.toFixed(digits),
  },
  left: { title: "LEFT", width: 16, text: ({ exit_time }) => formatTime(exit_time).slice(0, 16) },
  exit: {
    title: "EXIT",
    width: 10,
    align: "right",
    text: ({ exit_price }, digits) => exit_price.toFixed(digits),
  },
  pnl: { title: "PNL", width: 11, align: "right", text: ({ pnl }) => signed(pnl) },
  why: { title: "WHY", width: 6, text: ({ why }) => why },
  tag: { title: "TAG", width: 12, text: ({ tag }) => tag ?? "" },
} as const satisfies Record<string, Column>;

type Name = keyof typeof COLUMNS;
const SHOWN: readonly Name[] = [
  "symbol",
  "side",
  "size",
  "entered",
  "entry",
  "left",
  "exit",
  "pnl",
  "why",
  "tag",
];
/** What goes first where there isn't room for all. */
const DISPENSABLE: readonly Name[] = ["tag", "entered", "why", "entry", "exit"];

/** The marker of the selected row. */
const MARKER = 1;

/** The columns of a table of some width. @param several whether trades are of several symbols */
export function columnsOf(width: number, several: boolean): readonly Name[] {
  let shown = several ? SHOWN : SHOWN.filter((name) => name !== "symbol");
  for (const dropped of DISPENSABLE) {
    if (shown.reduce((sum, name) => sum + 1 + COLUMNS[name].width, MARKER) <= width) break;
    shown = shown.filter((name) => name !== dropped);
  }
  return shown;
}

const joined = (columns: readonly Name[], text: (column: Column) => string): string =>
  columns
    .map((name) => {
      const column: Column = COLUMNS[name];
      return ` ${fit(text(column), column.width, column.align)}`;
    })
    .join("");

/** The titles of the columns. */
export const headText = (columns: readonly Name[]): string =>
  `${" ".repeat(MARKER)}${joined(columns, ({ title }) => title)}`.trimEnd();

/** @param digits the decimals of its prices */
export const rowText = (
  trade: ShownTrade,
  columns: readonly Name[],
  digits: number,
  selected: boolean,
): string => `${selected ? "▸" : " "}${joined(columns, (column) => column.text(trade, digits))}`.trimEnd();

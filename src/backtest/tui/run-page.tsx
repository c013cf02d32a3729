import { Box, Text } from "ink";
import { brailleLine } from "../../kernel/tui/charts.ts";
import { Field, Progress } from "../../kernel/tui/components.tsx";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cut, fit } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";
import { counted, side, signed, whole } from "../core/results/figures.ts";
import { openText } from "../core/results/summary.ts";
import type { Candles, Inspected, ShownTrade } from "../core/run-state.ts";
import { formatTime } from "../core/time/calendar.ts";
import { candleChart, type Mark } from "./candles.ts";
import { Painted } from "./painted.tsx";
import {
  amount,
  barTime,
  breakpointText,
  engineText,
  feedText,
  LABEL,
  lagText,
  loss,
  positionText,
  priceDigits,
  recentOf,
  shareOf,
  speedText,
  tradesText,
  type View,
} from "./words.ts";

/** What of the candles is looked at. */
export type Look = {
  /** Of which symbol. */
  readonly symbol: string | undefined;
  /** The time (UTC ms) of the last candle that is drawn; undefined: the newest. */
  readonly last: number | undefined;
  /** The trade that it was moved to. */
  readonly trade: ShownTrade | undefined;
};

/** The newest candles of the first symbol. */
export const NEWEST: Look = { symbol: undefined, last: undefined, trade: undefined };

/** The candles of a symbol; those of the first when there are none of it. */
export const candlesOf = ({ candles = [] }: View, symbol: string | undefined): Candles | undefined =>
  candles.find((of) => of.symbol === symbol) ?? candles[0];

/** The number of the candle after the last that is looked at; undefined: the newest, also where that one has gone by. */
export function endOf({ time }: Candles, last: number | undefined): number | undefined {
  if (last === undefined || last < (time[0] as number)) return undefined;
  const after = time.findIndex((at) => at > last);
  return after < 0 ? undefined : after;
}

/** What is written beside the curves and the candles, in cells, and the space before it. */
const NOTE = { curve: 22, price: 18, wide: 24, before: 2 };
const WIDE = 100;

/** How many columns the candles have in a body of that width. */
export const candleColumns = (width: number): number =>
  width - LABEL - NOTE.before - (width >= WIDE ? NOTE.wide : NOTE.price);

/** The rows of each part of the page. */
type Rows = {
  readonly price: number;
  readonly equity: number;
  readonly drawdown: number;
  readonly recent: number;
};

/** @param rest what there is beside the lines that are always there */
function rowsOf(rest: number, candles: boolean): Rows {
  const recent = Math.max(0, Math.min(8, Math.floor(rest / 6)));
  const charts = rest - recent;
  const price = candles && charts >= 5 ? Math.max(3, Math.round(charts / 2)) : 0;
  const equity = Math.max(1, Math.ceil((charts - price) / 2));
  return { price, equity, drawdown: Math.max(1, charts - price - equity), recent };
}

/** A curve drawn over the part of the width that the run has come to. */
function Curve(props: {
  label: string;
  values: readonly number[];
  share: number;
  rows: number;
  tone: Tone;
  note: string;
}) {
  const { label, values, share, rows, tone, note } = props;
  const { width } = useBody();
  const columns = width - LABEL - NOTE.before - NOTE.curve;
  const drawn = Math.max(1, Math.round(columns * share));
  return (
    <Box>
      <Text {...tones.secondary}>{fit(label, LABEL)}</Text>
      <Text {...tones[tone]}>
        {brailleLine(values, drawn, rows)
          .map((row) => fit(row, columns))
          .join("\n")}
      </Text>
      <Text>{`${" ".repeat(NOTE.before)}${cut(note, NOTE.curve)}`}</Text>
    </Box>
  );
}

/** Entries and exits of a symbol, of trades that were closed and of what is held. */
function marksOf(
  { last_trades = [], open_trades = [] }: View,
  symbol: string,
  chosen: ShownTrade | undefined,
): Mark[] {
  const closed = last_trades
    .filter((trade) => trade.symbol === symbol)
    .flatMap((trade): Mark[] => {
      const of = { long: trade.size > 0, chosen: chosen !== undefined && sameTrade(trade, chosen) };
      return [
        { ...of, kind: "entry", time: trade.entry_time },
        { ...of, kind: "exit", time: trade.exit_time },
      ];
    });
  const held = open_trades
    .filter((trade) => trade.symbol === symbol)
    .map(({ size, entry_time: time }): Mark => ({ kind: "entry", time, long: size > 0, chosen: false }));
  return [...closed, ...held];
}

/** Whether two are the same trade: each state has new objects. */
export const sameTrade = (a: ShownTrade, b: ShownTrade): boolean =>
  a.symbol === b.symbol &&
  a.exit_bar === b.exit_bar &&
  a.entry_bar === b.entry_bar &&
  a.size === b.size &&
  a.pnl === b.pnl;

/** The candles of a symbol, its price and range, and its indicators as they were inspected. */
function Price(props: { view: View; look: Look; inspected: readonly Inspected[] | undefined; rows: number }) {
  const { view, look, inspected, rows } = props;
  const { width } = useBody();
  const candles = candlesOf(view, look.symbol);
  if (!candles || rows === 0) return null;
  const { symbol, time, close } = candles;
  const columns = candleColumns(width);
  const noteWidth = width - LABEL - NOTE.before - columns;
  const position = view.positions?.find((of) => of.symbol === symbol && of.size !== 0);
  const chart = candleChart(candles, columns, rows, {
    marks: marksOf(view, symbol, look.trade),
    end: endOf(candles, look.last),
    level: position?.entry_price,
  });
  const digits = priceDigits(candles);
  const newest = chart.end === time.length;
  const price = close[chart.end - 1];
  const values = newest ? (inspected?.find((of) => of.symbol === symbol)?.indicators ?? {}) : {};
  const notes = [
    price === undefined ? "" : price.toFixed(digits),
    ...Object.entries(values).map(
      ([name, value]) => `${name} ${value === null ? "–" : figure(value, digits)}`,
    ),
  ].slice(0, rows - 1);
  // It may have joined, or begin later than the others.
  const range =
    time.length === 0 ? "no bar yet" : `${chart.low.toFixed(digits)}…${chart.high.toFixed(digits)}`;
  const several = (view.symbols?.length ?? 1) > 1;
  const at = newest
    ? []
    : [
        "to",
        ...formatTime(time[chart.end - 1] as number)
          .slice(5)
          .split(" "),
      ];
  const labels = ["price", ...(several ? [symbol] : []), ...at];
  const column = (lines: readonly string[], cells: number) =>
    Array.from({ length: rows }, (_, row) => fit(lines[row] ?? "", cells)).join("\n");
  return (
    <Box>
      <Text {...tones.secondary}>
        {column(
          labels.map((label) => cut(label, LABEL - 1)),
          LABEL,
        )}
      </Text>
      <Painted rows={chart.rows} />
      <Text>
        {column(
          padded(notes, range, rows).map((note) => `${" ".repeat(NOTE.before)}${note}`),
          noteWidth + NOTE.before,
        )}
      </Text>
    </Box>
  );
}

/** The notes from the top, and the last one in the last row. */
const padded = (notes: readonly string[], last: string, rows: number): string[] => [
  ...notes,
  ...new Array<string>(Math.max(0, rows - 1 - notes.length)).fill(""),
  last,
];

/** An indicator's value: of the size of a price with as many digits, else with what can be read. */
const figure = (value: number, digits: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) >= 1000 ? 2 : Math.max(2, digits));

/** What it waits for before its first bar. */
function Waiting({ view }: { view: View }) {
  const { loaded = 0, mode, symbol = "data" } = view;
  const { width } = useBody();
  if (mode === "live") return <Text>{cut(`waiting for the first bar of ${symbol}`, width)}</Text>;
  return <Progress fraction={loaded} text={`loading ${symbol} ${Math.round(loaded * 100)} %`} />;
}

/** How a run goes, or went: progress, equity, drawdown, candles, what is held, and what happened last. */
export function RunPage(props: { view: View; look: Look; inspected: readonly Inspected[] | undefined }) {
  const { view, look, inspected } = props;
  const { width, height } = useBody();
  const { bar = 0, bars = 0, equity, return_pct, time, result, lag, feed, breakpoints = [] } = view;
  if (bars === 0) return <Waiting view={view} />;
  const share = shareOf(view);
  const candles = candlesOf(view, look.symbol);
  // It is told of as long as it is seen.
  const trade =
    look.trade && look.trade.exit_time >= (candles?.time[0] ?? Number.POSITIVE_INFINITY)
      ? look.trade
      : undefined;
  const extra = [lag, feed, breakpoints.length > 0, result, trade].filter(Boolean).length;
  const rows = rowsOf(height - 5 - extra, candles !== undefined);
  const drawdown = view.drawdown_curve?.at(-1) ?? 0;
  const recent = recentOf(view, rows.recent);
  const times = recent.map((line) => barTime(line.time, time));
  const widest = times.reduce((most, text) => Math.max(most, text.length), LABEL - 1);
  const equityNote = equity == null ? "" : `${amount(equity)}  ${signed(return_pct ?? 0, 1)} %`;
  const drawdownNote = `${loss(drawdown)} % (max ${loss(view.max_drawdown_pct ?? 0)} %)`;
  return (
    <>
      {share === undefined ? (
        <Field
          label="live"
          value={`${whole(bar)} bars${time == null ? "" : `, the last of ${formatTime(time)}`}`}
        />
      ) : (
        <Progress fraction={share} text={`${whole(bar)} of ${whole(bars)}`} />
      )}
      <Curve
        label="equity"
        values={view.equity_curve ?? []}
        share={share ?? 1}
        rows={rows.equity}
        tone="running"
        note={equityNote}
      />
      <Curve
        label="drawdown"
        values={view.drawdown_curve ?? []}
        share={share ?? 1}
        rows={rows.drawdown}
        tone="failed"
        note={drawdownNote}
      />
      <Price view={view} look={look} inspected={inspected} rows={rows.price} />
      {trade && (
        <Field
          label="trade"
          value={`${side(trade.size)} from ${formatTime(trade.entry_time)} to ${formatTime(trade.exit_time)}   ${signed(trade.pnl)}`}
          tone="selected"
        />
      )}
      <Field label="position" value={positionText(view)} />
      <Field label="trades" value={tradesText(view)} />
      <Field label="speed" value={speedText(view)} />
      <Field label="engine" value={engineText(view)} />
      {lag && <Field label="lag" value={lagText(lag)} />}
      {feed && <Field label="feed" value={feedText(feed)} />}
      {breakpoints.length > 0 && (
        <Field label="pause at" value={breakpoints.map(breakpointText).join(" · ")} tone="waiting" />
      )}
      {result && <Result result={result} />}
      {recent.length > 0 && (
        <Text>
          {recent
            .map(({ text }, at) => cut(`${(times[at] ?? "").padStart(widest)} ${text}`, width))
            .join("\n")}
        </Text>
      )}
    </>
  );
}

function Result({ result: { stats, bust, hash, dropped_orders } }: { result: NonNullable<View["result"]> }) {
  const figures = [
    ...(bust ? ["bust: equity came to nothing"] : []),
    ...(stats.cagr_pct === null ? [] : [`CAGR ${signed(stats.cagr_pct, 1)} %`]),
    ...(stats.open_trades > 0 ? [openText(stats)] : []),
    ...(stats.exposure_pct === null ? [] : [`exposure ${stats.exposure_pct.toFixed(0)} %`]),
    ...(dropped_orders > 0 ? [`${counted(dropped_orders, "order")} dropped`] : []),
    `hash ${hash.slice(0, 12)}`,
  ];
  return <Field label="result" value={figures.join(" · ")} tone={bust ? "failed" : "plain"} />;
}

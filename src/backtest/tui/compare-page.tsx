import { Text } from "ink";
import { localTime } from "../../kernel/core/local-time.ts";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cut, fit } from "../../kernel/tui/text.ts";
import { tones } from "../../kernel/tui/theme.ts";
import type { RunEntry } from "../core/results/catalogue.ts";
import { signed } from "../core/results/figures.ts";
import { firstShown, heading, Line } from "./list.tsx";
import { OVERLAY, overlay, returnsOf } from "./overlay.ts";
import { Painted } from "./painted.tsx";
import { loss, shareOf, type View } from "./words.ts";

/** What is compared with: the run and its equity, as far as it has been read. */
export type Other = { readonly entry: RunEntry; readonly equity: readonly number[] | undefined };

/** The runs that can be chosen, once they have been read, or why they can't be. */
export type Entries = {
  readonly runs: readonly RunEntry[] | undefined;
  readonly problem: string | undefined;
};

/** The rows of the list, at most and at least; the chart has the others. */
const LIST = { most: 8, least: 3 };
/** Heading of the list, the two legends, and the scale below the chart. */
const REST = 4;

/** How many runs a body of that height has room for. */
export const runRows = (height: number, count: number): number =>
  Math.max(1, Math.min(count, LIST.most, Math.max(LIST.least, Math.floor(height / 3))));

/** Another finished run's equity over this one's, each in per cent of its start. */
export function ComparePage(props: {
  view: View;
  entries: Entries;
  other: Other | undefined;
  selected: number;
}) {
  const { view, entries, other, selected } = props;
  const { width, height } = useBody();
  const { runs, problem } = entries;
  if (problem !== undefined)
    return <Line text={cut(`the runs can't be read: ${problem}`, width)} tone="failed" />;
  if (!runs) return <Line text="reading the runs…" tone="secondary" />;
  if (runs.length === 0) return <Line text="no other run of this profile is finished" tone="secondary" />;
  const rows = runRows(height, runs.length);
  const first = firstShown(selected, runs.length, rows);
  return (
    <>
      <Chart view={view} other={other} rows={height - rows - REST} />
      <Line text={heading("finished runs", `${selected + 1} of ${runs.length}`, width)} tone="secondary" />
      {runs.slice(first, first + rows).map((run, at) => {
        const isSelected = first + at === selected;
        return (
          <Line
            key={run.id}
            text={cut(`${isSelected ? "▸" : " "} ${entryText(run)}`, width)}
            tone={isSelected ? "selected" : "plain"}
          />
        );
      })}
    </>
  );
}

function Chart({ view, other, rows }: { view: View; other: Other | undefined; rows: number }) {
  const { width } = useBody();
  const own = returnsOf(view.equity_curve ?? []);
  const theirs = returnsOf(other?.equity ?? []);
  const {
    rows: drawn,
    min,
    max,
  } = overlay({ a: own, b: theirs }, { a: shareOf(view) ?? 1, b: 1 }, width, rows);
  const scale = `${signed(min, 1)} % … ${signed(max, 1)} % of the start, each over its own bars`;
  const of = (letter: string, text: string, figures: string) =>
    cut(`${letter} ${fit(text, width - 2 - figures.length)}${figures}`, width);
  const result =
    view.return_pct == null ? "" : figuresText(view.return_pct, view.max_drawdown_pct ?? 0, view.trades ?? 0);
  return (
    <>
      <Text {...tones[OVERLAY.a]}>
        {of("A", `this run, ${titleOf(view.strategy ?? "", view.symbol ?? "", view.params ?? {})}`, result)}
      </Text>
      {other ? (
        <Text {...tones[OVERLAY.b]}>
          {of(
            "B",
            `${titleOf(other.entry.strategy, other.entry.symbol, other.entry.params)}${other.equity ? "" : ", reading…"}`,
            figuresText(other.entry.return_pct, other.entry.max_drawdown_pct, other.entry.trades),
          )}
        </Text>
      ) : (
        <Text {...tones.secondary}>B enter lays the selected run over this one</Text>
      )}
      <Painted rows={drawn} />
      <Line text={cut(scale, width)} tone="secondary" />
    </>
  );
}

function titleOf(strategy: string, symbol: string, params: RunEntry["params"]): string {
  const values = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return [`${strategy} ${symbol}`, ...values].join(", ");
}

const figuresText = (return_pct: number | null, drawdown: number | null, trades: number): string =>
  `  ${return_pct === null ? "–" : `${signed(return_pct, 1)} %`}  ${drawdown === null ? "–" : `${loss(drawdown)} %`}  ${trades} trades`;

function entryText({ id, started_at, utc_offset_min, ...of }: RunEntry): string {
  const at = localTime(started_at, utc_offset_min).toPlainDateTime().toString({ smallestUnit: "minute" });
  const figures = [
    of.return_pct === null ? "–" : `${signed(of.return_pct, 2)} %`,
    of.sharpe === null ? "–" : of.sharpe.toFixed(2),
    String(of.trades),
  ];
  // The end of an id is enough to name it by.
  return `${id.slice(-8)}  ${at.slice(5).replace("T", " ")}  ${figures[0]?.padStart(9)}  Sharpe ${figures[1]?.padStart(5)}  ${figures[2]?.padStart(5)} trades  ${titleOf(of.strategy, of.symbol, of.params)}`;
}

import { Box, Text } from "ink";
import { type ReactNode, useEffect, useState } from "react";
import type { Control, State } from "../kernel/control.ts";
import { brailleLine } from "../kernel/tui/charts.ts";
import { Field, Progress } from "../kernel/tui/components.tsx";
import type { Keymap } from "../kernel/tui/keys.ts";
import { Screen, useBody } from "../kernel/tui/screen.tsx";
import { cut, fit } from "../kernel/tui/text.ts";
import { sessionTone, type Tone, tones } from "../kernel/tui/theme.ts";
import type { RunState, ShownTrade } from "./core/run-state.ts";

/** What a host pushes of a backtest. Before its data is open only the session's own fields are there. */
export type View = State & {
  session_id: string;
  state: string;
  pending?: string;
} & Partial<RunState>;

const clockOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const amount = (value: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const signed = (value: number, digits = 2): string =>
  `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
/** A drawdown: 0 or below. */
const loss = (value: number): string => value.toFixed(1).replace("-", "−");
/** 1234567 → "1.2 M": a rate is read at a glance. */
const rate = (value: number): string =>
  value >= 1e6
    ? `${(value / 1e6).toFixed(1)} M`
    : value >= 1e3
      ? `${(value / 1e3).toFixed(1)} k`
      : String(Math.round(value));

/** The column of labels, in cells. */
const LABEL = 9;

/** The curve drawn over the part of the width that the run has come to. */
function Chart(props: {
  label: string;
  values: readonly number[];
  share: number;
  rows: number;
  tone: Tone;
  note: string;
}) {
  const { label, values, share, rows, tone, note } = props;
  const { width } = useBody();
  const noteWidth = 24;
  const columns = width - LABEL - noteWidth;
  const drawn = Math.max(1, Math.round(columns * share));
  return (
    <Box>
      <Text {...tones.secondary}>{fit(label, LABEL)}</Text>
      <Text {...tones[tone]}>
        {brailleLine(values, drawn, rows)
          .map((row) => fit(row, columns))
          .join("\n")}
      </Text>
      <Text>{`  ${cut(note, noteWidth - 2)}`}</Text>
    </Box>
  );
}

const tradeText = ({ size, entry_price, exit_price, pnl }: ShownTrade): string =>
  `${size > 0 ? "long " : "short"} ${whole(Math.abs(size)).padStart(10)} @ ${entry_price.toFixed(5)} → ${exit_price.toFixed(5)}   ${signed(pnl)}`;

/** The body: progress, curves, position, the last trades. */
export function BacktestBody({ view }: { view: View }) {
  const { width, height } = useBody();
  const { bars = 0, bar = 0, loaded = 0 } = view;
  if (bars === 0)
    return (
      <Progress fraction={loaded} text={`loading ${view.symbol ?? "data"} ${Math.round(loaded * 100)} %`} />
    );
  const share = bar / bars;
  const rows = Math.max(1, Math.floor((height - 5 - Math.min(8, height / 3)) / 2));
  const { equity, return_pct, position, last_trades = [], trades = 0, max_drawdown_pct = 0 } = view;
  const drawdown = view.drawdown_curve?.at(-1) ?? 0;
  const equityNote = equity == null ? "" : `${amount(equity)}  ${signed(return_pct ?? 0, 1)} %`;
  const shownTrades = last_trades.slice(-Math.max(0, height - 6 - 2 * rows)).toReversed();
  return (
    <>
      <Progress fraction={share} text={`${whole(bar)} of ${whole(bars)}`} />
      <Text> </Text>
      <Chart
        label="equity"
        values={view.equity_curve ?? []}
        share={share}
        rows={rows}
        tone="running"
        note={equityNote}
      />
      <Chart
        label="drawdown"
        values={view.drawdown_curve ?? []}
        share={share}
        rows={rows}
        tone="failed"
        note={`${loss(drawdown)} % (max ${loss(max_drawdown_pct)} %)`}
      />
      <Field
        label="position"
        value={
          position
            ? `${position.size > 0 ? "long" : "short"} ${whole(Math.abs(position.size))} @ ${position.entry_price.toFixed(5)}`
            : "flat"
        }
      />
      <Field label="speed" value={`${rate(view.bars_per_second ?? 0)} bars/s`} />
      <Field label="trades" value={whole(trades)} />
      <Text>{shownTrades.map((trade) => cut(" ".repeat(LABEL) + tradeText(trade), width)).join("\n")}</Text>
    </>
  );
}

/** What the screen is given. */
export type BacktestScreenProps = {
  control: Control;
  profile: string;
  first: State;
  /** Leaves the screen; in the run's own process that ends the run, in order. */
  quit: () => void;
  /** What Ctrl+C does: as a signal would. */
  interrupt: () => void;
  /** Whether the run goes on when the screen is left. */
  attached: boolean;
};

function BacktestScreen({ control, profile, first, quit, interrupt, attached }: BacktestScreenProps) {
  const [view, setView] = useState(first as View);
  const [said, say] = useState<{ text: string; tone: Tone } | undefined>();
  useEffect(() => {
    const watching = control.watch((state) => {
      if (state) setView(state as View);
      // The host has gone, or its socket: either way nothing here is true any more.
      else if (attached) quit();
    });
    return () => void watching[Symbol.asyncDispose]();
  }, [control, attached, quit]);
  const ask = (name: string, args: object = {}) => {
    control.command(name, args).then(
      () => say(undefined),
      (error: Error) => say({ text: error.message, tone: "failed" }),
    );
  };
  const paused = () => view.state === "paused" && view.pending === undefined;
  const keymap: Keymap = [
    {
      keys: ["space"],
      label: view.state === "paused" ? "resume" : "pause",
      help: "Pause at the next bar, or go on",
      run: () => ask("toggle"),
    },
    {
      keys: ["."],
      label: "step",
      help: "Work one bar and pause again",
      when: paused,
      run: () => ask("step"),
    },
    {
      keys: [">"],
      label: "100 bars",
      help: "Work a hundred bars and pause again",
      when: paused,
      run: () => ask("step", { bars: 100 }),
    },
    {
      keys: ["x"],
      label: "stop",
      help: "End the run in order, with a last checkpoint",
      run: () => ask("stop"),
    },
    attached
      ? { keys: ["q"], label: "leave it running", help: "Leave; the run goes on", run: quit }
      : { keys: ["q"], label: "quit", help: "End the run in order; it can be resumed", run: quit },
    {
      keys: ["ctrl+c"],
      label: "interrupt",
      help: "The same, with exit code 130",
      run: interrupt,
      bar: false,
    },
  ];
  const word = view.pending ?? view.state;
  const title = `stint backtest  ${view.strategy ?? ""} ${view.symbol ?? ""}`.trimEnd();
  const notes = [...(view.time == null ? [] : [`at ${clockOf(view.time)}`]), profile];
  return (
    <Screen title={title} status={{ word, tone: sessionTone(word), notes }} keymap={keymap} message={said}>
      <BacktestBody view={view} />
    </Screen>
  );
}

/** The full screen of a run. */
export const backtestScreen = (props: BacktestScreenProps): ReactNode => <BacktestScreen {...props} />;

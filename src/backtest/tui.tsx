import { useWindowSize } from "ink";
import { type ReactElement, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Control, State } from "../kernel/control.ts";
import { message } from "../kernel/errors.ts";
import type { Ask } from "../kernel/tui/entry.ts";
import type { Binding, Keymap } from "../kernel/tui/keys.ts";
import { type Body, Screen, useBody } from "../kernel/tui/screen.tsx";
import type { Tone } from "../kernel/tui/theme.ts";
import { useDrawing } from "../kernel/tui/tick.ts";
import { parseBreakpoint } from "./core/engine/breakpoint.ts";
import type { Catalogue } from "./core/results/catalogue.ts";
import type { ShownTrade } from "./core/run-state.ts";
import { formatTime } from "./core/time/calendar.ts";
import { LEGEND, windowOf } from "./tui/candles.ts";
import { ComparePage, type Entries, type Other, runRows } from "./tui/compare-page.tsx";
import { Inspection } from "./tui/inspection.ts";
import { inspectLines, logLines } from "./tui/lines.ts";
import { candleColumns, candlesOf, endOf, type Look, NEWEST, RunPage, sameTrade } from "./tui/run-page.tsx";
import { type PageLine, ScrollPage, scrollRows } from "./tui/scroll-page.tsx";
import { nextOrder, sorted, type TradeOrder } from "./tui/trades.ts";
import { TradesPage, tradeRows } from "./tui/trades-page.tsx";
import { breakpointText, shareOf, smallText, stateWord, type View } from "./tui/words.ts";

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
  /** The finished runs that this one can be compared with. */
  runs: Catalogue;
  /** Writes the report's page. @returns where it is, in a line */
  report: () => Promise<string>;
};

const PAGES = ["run", "trades", "inspect", "log", "compare"] as const;
type PageName = (typeof PAGES)[number];
const PAGE_KEYS: Readonly<Record<PageName, string>> = {
  run: "1",
  trades: "2",
  inspect: "3",
  log: "4",
  compare: "c",
};

/** A narrower terminal has no room for all of the title, in cells. */
const TITLE_COLUMNS = 80;
/** By how many candles an arrow moves the chart. */
const PAN = 8;
/** A step to the next trade may be a long way. */
const STEP_MS = 600_000;

const MARKET = "the market doesn't wait: a live run can't be paused";

/** What a page needs that only the screen knows. */
type PageProps = {
  readonly page: PageName;
  readonly view: View;
  readonly look: Look;
  readonly inspection: Inspection;
  readonly trades: readonly ShownTrade[];
  readonly order: TradeOrder;
  readonly selected: number;
  readonly lines: readonly PageLine[];
  readonly first: number;
  readonly entries: Entries;
  readonly other: Other | undefined;
  readonly chosenRun: number;
  /** Told the room that there is, for keys that move by it. */
  readonly room: RefObject<Body>;
};

function Page(props: PageProps) {
  const { page, view, look, inspection, room } = props;
  const body = useBody();
  useLayoutEffect(() => {
    room.current = body;
  });
  switch (page) {
    case "run":
      return <RunPage view={view} look={look} inspected={inspection.symbols} />;
    case "trades":
      return <TradesPage view={view} trades={props.trades} order={props.order} selected={props.selected} />;
    case "inspect":
    case "log":
      return (
        <ScrollPage
          title={page === "log" ? "log of the strategy" : "inspect"}
          lines={props.lines}
          first={props.first}
        />
      );
    case "compare":
      return (
        <ComparePage view={view} entries={props.entries} other={props.other} selected={props.chosenRun} />
      );
  }
}

/** The body of a run's page alone. */
export const BacktestBody = ({ view }: { view: View }) => (
  <RunPage view={view} look={NEWEST} inspected={undefined} />
);

function BacktestScreen(props: BacktestScreenProps) {
  const { control, profile, first, quit, interrupt, attached, runs, report } = props;
  const { columns } = useWindowSize();
  const { draw, drawSoon } = useDrawing();
  // Refs, since keys may be pressed before what the ones before them changed is drawn.
  const latest = useRef(first as View);
  const gone = useRef(false);
  const said = useRef<{ text: string; tone: Tone } | undefined>(undefined);
  const page = useRef<PageName>("run");
  const look = useRef<Look>(NEWEST);
  const order = useRef<TradeOrder>("newest");
  const chosenTrade = useRef<{ trade: ShownTrade | undefined; place: number }>({
    trade: undefined,
    place: 0,
  });
  /** The first line that is shown of a page that scrolls; undefined: its usual one. */
  const scrolled = useRef<number | undefined>(undefined);
  const entries = useRef<Entries>({ runs: undefined, problem: undefined });
  const chosenRun = useRef(0);
  const other = useRef<Other | undefined>(undefined);
  const room = useRef<Body>({ width: 78, height: 21 });

  const say = (text: string | undefined, tone: Tone = "plain") => {
    said.current = text === undefined ? undefined : { text, tone };
    draw();
  };
  const [inspection] = useState(() => new Inspection(control, () => latest.current, drawSoon));

  useEffect(() => {
    const watching = control.watch((state) => {
      if (state) {
        latest.current = state as View;
        gone.current = false;
        inspection.look();
        // What a press has changed is seen at once.
        if (state["state"] === "paused") draw();
        else drawSoon();
      } else if (attached && !latest.current.result) {
        // The host has gone, or its socket: either way nothing here is true any more.
        quit();
      } else {
        gone.current = true;
        drawSoon();
      }
    });
    return () => void watching[Symbol.asyncDispose]();
  }, [control, attached, quit, inspection, draw, drawSoon]);

  const ask = async (name: string, args: object = {}, withinMs?: number): Promise<State | undefined> => {
    try {
      const state = await control.command(name, args, withinMs);
      const { said: answer } = (state["answer"] ?? {}) as { said?: string };
      say(answer);
      return state;
    } catch (error) {
      say(message(error), "failed");
      return undefined;
    }
  };

  const isOver = () => gone.current || latest.current.result != null;
  const isPaused = () =>
    !isOver() && latest.current.state === "paused" && latest.current.pending === undefined;
  const isLive = () => latest.current.mode === "live";

  const open = (name: PageName) => {
    page.current = name;
    scrolled.current = undefined;
    said.current = undefined;
    if (name === "compare") void readRuns();
    draw();
  };
  const readRuns = async () => {
    try {
      const all = (await runs?.list()) ?? [];
      const others = all.filter(({ id }) => id !== latest.current.session_id);
      entries.current = { runs: others, problem: undefined };
    } catch (error) {
      entries.current = { runs: undefined, problem: message(error) };
    }
    draw();
  };
  const compareWith = async () => {
    const entry = entries.current.runs?.[chosenRun.current];
    if (!entry || !runs) return;
    if (other.current?.entry.id === entry.id) {
      other.current = undefined;
      return draw();
    }
    other.current = { entry, equity: undefined };
    draw();
    try {
      const equity = await runs.equity(entry.id);
      // Another may have been chosen meanwhile.
      if (other.current?.entry.id === entry.id) other.current = { entry, equity };
      draw();
    } catch (error) {
      if (other.current?.entry.id === entry.id) other.current = undefined;
      say(message(error), "failed");
    }
  };

  const tradesNow = () => sorted(latest.current.last_trades ?? [], order.current);
  const placeNow = (trades: readonly ShownTrade[]): number => {
    const { trade, place } = chosenTrade.current;
    const found = trade ? trades.findIndex((of) => sameTrade(of, trade)) : -1;
    return found >= 0 ? found : Math.max(0, Math.min(place, trades.length - 1));
  };
  const linesNow = (): readonly PageLine[] => {
    if (page.current === "log") return logLines(latest.current);
    return page.current === "inspect" ? inspectLines(latest.current, inspection) : [];
  };
  /** A log is read at its end. */
  const firstNow = (lines: readonly PageLine[]): number =>
    scrolled.current ?? (page.current === "log" ? lines.length : 0);

  /** Moves what the page has that moves. */
  const move = (by: number) => {
    const { height } = room.current;
    switch (page.current) {
      case "trades": {
        const trades = tradesNow();
        const place = Math.max(0, Math.min(placeNow(trades) + by, trades.length - 1));
        chosenTrade.current = { trade: trades[place], place };
        break;
      }
      case "compare": {
        const last = (entries.current.runs?.length ?? 1) - 1;
        chosenRun.current = Math.max(0, Math.min(chosenRun.current + by, last));
        break;
      }
      default: {
        const lines = linesNow();
        const last = Math.max(0, lines.length - scrollRows(height));
        const to = Math.max(0, Math.min(Math.min(firstNow(lines), last) + by, last));
        // At its end a log goes on with what comes.
        scrolled.current = page.current === "log" && to === last ? undefined : to;
      }
    }
    draw();
  };
  const pageful = (): number => {
    const { height } = room.current;
    if (page.current === "trades") return tradeRows(height);
    return page.current === "compare"
      ? runRows(height, entries.current.runs?.length ?? 1)
      : scrollRows(height);
  };
  const hasList = () => page.current !== "run";

  const pan = (by: number) => {
    const candles = candlesOf(latest.current, look.current.symbol);
    if (!candles) return;
    const count = candles.time.length;
    const across = candleColumns(room.current.width);
    const { end } = windowOf(count, across, endOf(candles, look.current.last));
    const to = windowOf(count, across, end + by).end;
    look.current = { ...look.current, last: to < count ? candles.time[to - 1] : undefined };
    draw();
  };
  const lookAtTrade = () => {
    const trades = tradesNow();
    const trade = trades[placeNow(trades)];
    if (!trade) return;
    const candles = (latest.current.candles ?? []).find(({ symbol }) => symbol === trade.symbol);
    const from = candles?.time[0];
    if (!candles || from === undefined || trade.exit_time < from) {
      const kept = candles
        ? `of ${trade.symbol} the last ${candles.time.length} are`
        : `of ${trade.symbol} none are`;
      return say(`the candles of this trade aren't kept any more: ${kept}`, "waiting");
    }
    const across = candleColumns(room.current.width);
    const after = candles.time.findIndex((at) => at > trade.exit_time);
    const exit = after < 0 ? candles.time.length : after;
    const { end } = windowOf(candles.time.length, across, exit + Math.floor(across / 3));
    open("run");
    look.current = { symbol: trade.symbol, last: candles.time[end - 1], trade };
    say(`${LEGEND} · esc: the newest`);
  };
  const isAway = () => look.current.last !== undefined || look.current.trade !== undefined;
  const nextSymbol = () => {
    const symbols = (latest.current.candles ?? []).map(({ symbol }) => symbol);
    const shown = candlesOf(latest.current, look.current.symbol)?.symbol ?? "";
    look.current = { ...NEWEST, symbol: symbols[(symbols.indexOf(shown) + 1) % symbols.length] };
    draw();
  };
  const back = () => {
    if (page.current !== "run") return open("run");
    look.current = { ...NEWEST, symbol: look.current.symbol };
    said.current = undefined;
    draw();
  };

  const addBreakpoint = (type: Ask) =>
    type({
      label: "pause at (a time, trade N, drawdown N%)",
      async done(text) {
        if (text === undefined || text.trim() === "") return;
        const breakpoint = parseBreakpoint(text);
        if (!breakpoint) {
          return say(`must be a time, 'trade N' or 'drawdown N%', not '${text.trim()}'`, "failed");
        }
        const done = await ask("pause-at", { text });
        if (done) say(`pauses at ${breakpointText(breakpoint)}`);
      },
    });
  const writeReport = async () => {
    say("writing the report…");
    try {
      say(await report?.());
    } catch (error) {
      say(message(error), "failed");
    }
  };
  const stepToTrade = () => {
    // It is what comes that is to be seen.
    look.current = { ...NEWEST, symbol: look.current.symbol };
    say("on the way to the next trade…", "waiting");
    void ask("step", { to_trade: true }, STEP_MS);
  };

  const shown = page.current;
  const view = latest.current;
  const pageKey = (name: PageName, help: string, when?: () => boolean): Binding => ({
    keys: [PAGE_KEYS[name]],
    label: name,
    help,
    bar: false,
    run: () => open(name),
    ...(when ? { when } : {}),
  });
  const keymap: Keymap = [
    {
      keys: ["space"],
      label: view.state === "paused" ? "resume" : "pause",
      help: "Pause at the next bar, or go on; a live run can't be paused",
      when: () => !isOver(),
      run: () => void (isLive() ? say(MARKET, "waiting") : ask("toggle")),
    },
    {
      keys: ["."],
      label: "step",
      help: "Work one bar and pause again",
      when: isPaused,
      run: () => void ask("step"),
    },
    {
      keys: [">"],
      label: "100",
      help: "Work a hundred bars and pause again",
      when: isPaused,
      run: () => void ask("step", { bars: 100 }, STEP_MS),
    },
    {
      keys: ["t"],
      label: "trade",
      help: "Work up to the next bar on which anything is filled",
      when: isPaused,
      run: stepToTrade,
    },
    {
      keys: ["enter"],
      label: shown === "compare" ? "overlay" : "chart",
      help: "Trades: move the candles to it; compare: lay its equity over this one, or take it away",
      when: () => page.current === "trades" || page.current === "compare",
      run: () => (page.current === "trades" ? lookAtTrade() : void compareWith()),
    },
    {
      keys: ["o"],
      label: "order",
      help: "Trades: the next order (newest, oldest, best, worst, longest, largest)",
      when: () => page.current === "trades",
      run: () => {
        order.current = nextOrder(order.current);
        chosenTrade.current = { trade: undefined, place: 0 };
        draw();
      },
    },
    {
      keys: ["x"],
      label: "stop",
      help: "End the run in order, with a last checkpoint",
      when: () => !isOver(),
      run: () => void ask("stop"),
    },
    {
      keys: ["b"],
      label: "break",
      help: "Pause by itself at a time, at a number of trades or at a drawdown",
      when: () => !isOver() && !isLive(),
      run: addBreakpoint,
    },
    {
      keys: ["e"],
      label: "report",
      help: "Write the report as a page and say where it is",
      when: () => report !== undefined && (latest.current.bars ?? 0) > 0,
      run: () => void writeReport(),
    },
    {
      keys: ["s"],
      label: "symbol",
      help: "The candles of the next symbol",
      when: () => page.current === "run" && (latest.current.candles?.length ?? 0) > 1,
      run: nextSymbol,
    },
    pageKey("run", `How it goes: equity, drawdown, candles (${LEGEND})`),
    pageKey("trades", "The trades that were closed"),
    pageKey("inspect", "While paused: indicators, orders, positions, the strategy's state"),
    pageKey("log", "What the strategy has said with ctx.log"),
    pageKey("compare", "Lay the equity of another finished run over this one's", () => runs !== undefined),
    {
      keys: ["esc"],
      label: "back",
      help: "Back to the run, and there to the newest candle",
      when: () => page.current !== "run" || isAway(),
      run: back,
    },
    {
      keys: ["down", "j"],
      label: "next",
      help: "The next one, or a line on",
      bar: false,
      when: hasList,
      run: () => move(1),
    },
    {
      keys: ["up", "k"],
      label: "previous",
      help: "The one before, or a line back",
      bar: false,
      when: hasList,
      run: () => move(-1),
    },
    {
      keys: ["pagedown"],
      label: "page on",
      help: "A page on",
      bar: false,
      when: hasList,
      run: () => move(pageful()),
    },
    {
      keys: ["pageup"],
      label: "page back",
      help: "A page back",
      bar: false,
      when: hasList,
      run: () => move(-pageful()),
    },
    {
      keys: ["home"],
      label: "first",
      help: "The first one",
      bar: false,
      when: hasList,
      run: () => move(Number.MIN_SAFE_INTEGER),
    },
    {
      keys: ["end"],
      label: "last",
      help: "The last one",
      bar: false,
      when: hasList,
      run: () => move(Number.MAX_SAFE_INTEGER),
    },
    {
      keys: ["left", "h"],
      label: "earlier",
      help: "Earlier candles",
      bar: false,
      when: () => page.current === "run",
      run: () => pan(-PAN),
    },
    {
      keys: ["right", "l"],
      label: "later",
      help: "Later candles",
      bar: false,
      when: () => page.current === "run",
      run: () => pan(PAN),
    },
    attached
      ? {
          keys: ["q"],
          label: isOver() ? "quit" : "leave it running",
          help: "Leave; the run goes on",
          run: quit,
        }
      : { keys: ["q"], label: "quit", help: "End the run in order; it can be resumed", run: quit },
    {
      keys: ["ctrl+c"],
      label: "interrupt",
      help: "The same, with exit code 130",
      run: interrupt,
      bar: false,
    },
  ];
  const share = shareOf(view);
  const wide = columns >= TITLE_COLUMNS;
  const title = `stint backtest  ${view.strategy ?? ""} ${view.symbol ?? ""}`.trimEnd();
  const { word, tone } = stateWord(view);
  const notes = [
    ...(view.time == null ? [] : [`at ${formatTime(view.time)}`]),
    ...(share === undefined || !wide ? [] : [`${Math.floor(share * 100)} %`]),
    ...(wide ? [profile] : []),
  ];
  const trades = tradesNow();
  const lines = linesNow();
  return (
    <Screen
      title={title}
      status={{ word, tone, notes }}
      keymap={keymap}
      message={said.current ?? { text: tabs(shown, runs !== undefined), tone: "secondary" }}
      small={smallText(view)}
    >
      <Page
        page={shown}
        view={view}
        look={look.current}
        inspection={inspection}
        trades={trades}
        order={order.current}
        selected={placeNow(trades)}
        lines={lines}
        first={firstNow(lines)}
        entries={entries.current}
        other={other.current}
        chosenRun={chosenRun.current}
        room={room}
      />
    </Screen>
  );
}

/** The pages and their keys, the one that is shown in brackets. */
const tabs = (shown: PageName, compares: boolean): string =>
  PAGES.filter((name) => name !== "compare" || compares)
    .map((name) => `${PAGE_KEYS[name]} ${name}`)
    .map((text, at) => (PAGES[at] === shown ? `[${text}]` : ` ${text} `))
    .join(" ");

/** The full screen of a run. */
export const backtestScreen = (props: BacktestScreenProps): ReactElement => <BacktestScreen {...props} />;

import { useWindowSize } from "ink";
import { type ReactElement, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Leaving } from "../kernel/attach.ts";
import type { Control, State } from "../kernel/control.ts";
import { message } from "../kernel/errors.ts";
import type { Ask } from "../kernel/tui/entry.ts";
import type { Binding, Keymap } from "../kernel/tui/keys.ts";
import { Screen } from "../kernel/tui/screen.tsx";
import { cells } from "../kernel/tui/text.ts";
import type { Tone } from "../kernel/tui/theme.ts";
import { useDrawing, useTick } from "../kernel/tui/tick.ts";
import type { LogLine } from "./core/log-line.ts";
import type { ModuleRow } from "./core/module.ts";
import { hasProcess, isUp } from "./core/states.ts";
import { isFailed, type Pushed, summaryTexts } from "./core/view.ts";
import { ALL, Asks, LONGEST_MS } from "./tui/asks.ts";
import { LogEnd } from "./tui/log.ts";
import { Page, type Room } from "./tui/pages.tsx";
import {
  hourMinute,
  isLive,
  rowText,
  type ShownModule,
  stateTone,
  stateWord,
  titleText,
  unknownView,
} from "./tui/words.ts";

/** What the screen is given. */
export type ModulesScreenProps = Leaving & {
  control: Control;
  profile: string;
  /** The state as it is now. */
  first: State;
  /** Follows the end of a module's log: the last lines at once, then new ones as they come, until it is disposed. */
  follow(name: string, lines: (batch: readonly LogLine[]) => void): Disposable;
};

/** A view, when it was heard, and when its notice was first: ms of the clock that never jumps. */
type Heard = {
  readonly view: Pushed;
  readonly at: number;
  readonly noticedAt: number;
  /** Whether the supervisor was on its way to an end in order when it was heard of last. */
  readonly ending: boolean;
  /** Since when the supervisor can't be reached; undefined: it can. */
  readonly lostAt: number | undefined;
};

const nothing = (profile: string): Heard => ({
  view: unknownView(profile),
  at: performance.now(),
  noticedAt: Number.NEGATIVE_INFINITY,
  ending: false,
  lostAt: undefined,
});

/** A host that is still opening says less: what isn't said is as it was; what nobody hosts is as it was last. */
function heard(before: Heard, state: State): Heard {
  const { pending: _, host: __, ...known } = before.view;
  const said = state as Partial<Pushed>;
  const modules = said.host === false ? before.view.modules : said.modules;
  const view: Pushed = { ...known, ...said, ...(modules ? { modules } : {}) };
  const now = performance.now();
  return {
    view,
    // Told again of the same moment: time has passed since it was told first.
    at: view.as_of === before.view.as_of ? before.at : now,
    noticedAt: view.notice === before.view.notice ? before.noticedAt : now,
    ending: view.host === false ? before.ending : view.pending === "stopping" || view.state === "stopped",
    lostAt: undefined,
  };
}

/** A notice is news for so long, ms. */
const NEWS_MS = 60_000;
/** A supervisor that can't be reached for so long has ended, ms. */
const LOST_MS = 5_000;
/** A narrower terminal has no room for the time in its title, in cells. */
const CLOCK_COLUMNS = 70;
/** How long a module is selected before its log is read, ms: not of each that is passed over. */
const RESTED_MS = 50;

const newsOf = ({ view, noticedAt }: Heard): string | undefined =>
  view.notice !== null && performance.now() - noticedAt < NEWS_MS ? view.notice : undefined;

const isLost = ({ lostAt }: Heard): boolean => lostAt !== undefined && performance.now() - lostAt > LOST_MS;

/** What is known by now. */
const viewOf = (last: Heard): Pushed => (isLost(last) ? { ...last.view, host: false } : last.view);

/** The state as it is pushed, in a ref: keys may be pressed before it is drawn. */
function usePushed({ first, profile }: ModulesScreenProps, drawSoon: () => void) {
  const latest = useRef<Heard | undefined>(undefined);
  latest.current ??= heard(nothing(profile), first);
  const last = useCallback(() => latest.current ?? nothing(profile), [profile]);
  const hear = useCallback(
    (state: State | undefined) => {
      const before = last();
      latest.current = state
        ? heard(before, state)
        : { ...before, lostAt: before.lostAt ?? performance.now() };
      drawSoon();
    },
    [last, drawSoon],
  );
  /** An answer may come after a push that was newer. */
  const hearAnswer = useCallback(
    (state: State) => {
      const { as_of, session_id } = last().view;
      if (state["session_id"] !== session_id || !(Number(state["as_of"]) < as_of)) hear(state);
    },
    [last, hear],
  );
  return { last, hear, hearAnswer };
}

/** The end of the log of a module, as it is followed. */
function useLog(
  follow: ModulesScreenProps["follow"],
  name: string | undefined,
  drawSoon: () => void,
): { readonly current: LogEnd } {
  const log = useRef(new LogEnd(name));
  if (log.current.name !== name) log.current = new LogEnd(name);
  useEffect(() => {
    if (name === undefined) return;
    const mine = log.current;
    let following: Disposable | undefined;
    const add = (batch: readonly LogLine[]) => {
      mine.add(batch);
      drawSoon();
    };
    const timer = setTimeout(() => {
      try {
        following = follow(name, add);
      } catch (error) {
        add([{ at: Date.now(), text: `the log can't be read: ${message(error)}`, mark: true }]);
      }
    }, RESTED_MS);
    return () => {
      clearTimeout(timer);
      following?.[Symbol.dispose]();
    };
  }, [follow, name, drawSoon]);
  return log;
}

type Shown =
  | { readonly is: "table" }
  | { readonly is: "log"; readonly find: string; readonly last: number | undefined };

/** What is asked before it is done. */
type Question = "down" | "quit";

const QUESTIONS = {
  down: "stop all modules and the supervisor? y/n",
  quit: "stop all modules and quit? y/n",
} as const satisfies Record<Question, string>;

/** What there is to say, the most pressing first. */
function messageOf(
  last: Heard,
  question: Question | undefined,
  failure: string | undefined,
): { text: string; tone: Tone } | undefined {
  if (question) return { text: QUESTIONS[question], tone: "waiting" };
  const view = viewOf(last);
  const gone = last.ending
    ? "the supervisor has stopped, and its modules with it"
    : "the supervisor has ended; what it left running goes on: stint modules up takes it over";
  const waiting = [
    ...(view.host === false ? [gone] : []),
    ...(isLive(view) && view.degraded.length > 0 ? [`without ${view.degraded.join(", ")}`] : []),
  ];
  const text = [failure, ...waiting, newsOf(last)].filter((part) => part !== undefined).join(" · ");
  if (text === "") return undefined;
  return { text, tone: failure !== undefined ? "failed" : waiting.length > 0 ? "waiting" : "plain" };
}

/** What there is in place of the modules where none is shown. */
function noneText({ modules, dir, host }: Pushed, find: string): string {
  if (find !== "" && modules && modules.length > 0) return `no module has ${find} in its name`;
  if (modules) return `no modules in ${dir}: each is a folder there with a config.txt`;
  return host === false ? "nothing is known of its modules" : "reading the modules…";
}

function ModulesScreen(props: ModulesScreenProps) {
  const { control, profile, quit, interrupt, attached, follow } = props;
  const { columns } = useWindowSize();
  const { draw, drawSoon } = useDrawing();
  const { last, hear, hearAnswer } = usePushed(props, drawSoon);
  // Refs, since the keys after the one that changes these may come before it is drawn.
  /** What went wrong of what was asked for last. */
  const failure = useRef<string | undefined>(undefined);
  const shown = useRef<Shown>({ is: "table" });
  /** What the names of the modules that are shown have in them. */
  const find = useRef("");
  /** The selected module, and where it was drawn, for when there is none of this name any more. */
  const chosen = useRef<{ name: string | undefined; place: number }>({ name: undefined, place: 0 });
  const question = useRef<Question | undefined>(undefined);
  const stopping = useRef(false);
  const room = useRef<Room>({ modules: 1, lines: 1 });

  const rowsNow = (): readonly ModuleRow[] => {
    const all = last().view.modules ?? [];
    const sought = find.current.toLowerCase();
    return sought === "" ? all : all.filter(({ name }) => name.toLowerCase().includes(sought));
  };
  /** The place of the selected one among those that are shown; -1: there is none. */
  const placeNow = (rows: readonly ModuleRow[]): number => {
    const { name, place } = chosen.current;
    const found = rows.findIndex((row) => row.name === name);
    return found >= 0 ? found : Math.min(place, rows.length - 1);
  };
  const selectedNow = (): ModuleRow | undefined => {
    const rows = rowsNow();
    return rows[placeNow(rows)];
  };

  const say = useCallback(
    (text: string | undefined) => {
      failure.current = text;
      drawSoon();
    },
    [drawSoon],
  );
  const [asks] = useState(() => {
    const rowOf = (name: string) => last().view.modules?.find((row) => row.name === name);
    return new Asks(control, rowOf, hearAnswer, say);
  });
  useEffect(() => {
    const watching = control.watch((state) => {
      hear(state);
      asks.look();
    });
    return () => void watching[Symbol.asyncDispose]();
  }, [control, hear, asks]);

  const view = viewOf(last());
  useTick(() => [hourMinute(Date.now()), newsOf(last()), isLost(last())].join("\n"));

  const isStopping = () => stopping.current || last().view.pending === "stopping";
  const free = () => question.current === undefined;
  const able = () => free() && !isStopping() && isLive(viewOf(last()));
  const inLog = () => shown.current.is === "log";

  const open = (page: Shown) => {
    shown.current = page;
    draw();
  };
  const select = (place: number) => {
    const rows = rowsNow();
    const to = Math.max(0, Math.min(place, rows.length - 1));
    chosen.current = { name: rows[to]?.name, place: to };
    draw();
  };
  const move = (by: number) => select(placeNow(rowsNow()) + by);

  // Asked for the one that is selected when the key is pressed.
  const wantedNow = ({ name, desired }: ModuleRow): boolean => {
    const wish = asks.last(name, "run");
    return wish === "enable" || wish === "restart" || (wish !== "disable" && desired === "on");
  };
  const recordsNow = ({ name, actual }: ModuleRow): boolean => {
    const wish = asks.last(name, "record");
    return wish === undefined ? actual === "RECORDING" : wish === "record";
  };
  const anyRecords = (): boolean => {
    const wish = asks.last(ALL, "record");
    if (wish !== undefined) return wish === "record";
    return (last().view.modules ?? []).some(({ actual }) => actual === "RECORDING");
  };
  const ask = (verb: Parameters<Asks["ask"]>[0], name: string) => {
    asks.ask(verb, name);
    draw();
  };
  const onSelected = (does: (row: ModuleRow) => void) => () => {
    const row = selectedNow();
    if (row) does(row);
  };
  const when = (holds: (row: ModuleRow) => boolean) => () => {
    const row = selectedNow();
    return able() && row !== undefined && holds(row);
  };

  const end = async () => {
    stopping.current = true;
    draw();
    try {
      hear(await control.command("stop", {}, LONGEST_MS));
    } catch (error) {
      say(message(error));
    }
    stopping.current = false;
    draw();
  };
  const answer = (yes: boolean) => {
    const asked = question.current;
    question.current = undefined;
    draw();
    if (!yes) return;
    if (asked === "down") void end();
    else if (asked === "quit") quit();
  };
  const pose = (asked: Question) => {
    question.current = asked;
    draw();
  };
  /** In the host's own process nothing goes on without it. */
  const leaveHost = () => {
    const rows = last().view.modules ?? [];
    if (isStopping() || !rows.some(({ actual }) => hasProcess(actual))) return quit();
    pose("quit");
  };

  const log = useLog(follow, selectedNow()?.name, drawSoon);
  const lookAt = (page: Shown, rows: number) =>
    page.is === "log" ? log.current.look(page.find, page.last, rows) : log.current.look("", undefined, rows);
  const scroll = (by: number) => {
    const page = shown.current;
    if (page.is !== "log") return;
    open({ ...page, last: lookAt(page, room.current.lines).moved(by) });
  };
  const followAgain = () => {
    const page = shown.current;
    if (page.is === "log") open({ ...page, last: undefined });
  };
  const seek = (type: Ask) => {
    const page = shown.current;
    type({
      label: page.is === "log" ? "find lines with" : "find modules named",
      initial: page.is === "log" ? page.find : find.current,
      done: (text) => {
        if (text === undefined) return;
        if (shown.current.is === "log") return open({ ...shown.current, find: text.trim(), last: undefined });
        find.current = text.trim();
        draw();
      },
    });
  };
  /** What esc goes back from. */
  const backFrom = (): "question" | "find" | "log" | undefined => {
    const page = shown.current;
    if (question.current) return "question";
    if (page.is === "log") return page.find === "" ? "log" : "find";
    return find.current === "" ? undefined : "find";
  };
  const back = () => {
    const from = backFrom();
    const page = shown.current;
    if (from === "question") return answer(false);
    if (page.is === "log") return open(from === "find" ? { ...page, find: "" } : { is: "table" });
    find.current = "";
    draw();
  };

  const rows = rowsNow();
  const place = placeNow(rows);
  const row = rows[place];
  useLayoutEffect(() => {
    // What is seen as selected is what keys act on, wherever it is by then.
    if (row) chosen.current = { name: row.name, place };
  });
  const reset: Binding = {
    keys: ["e"],
    label: "reset",
    help: "Forget what went wrong; one that is wanted starts again",
    when: when(isFailed),
    run: onSelected(({ name }) => ask("reset", name)),
  };
  const failed = row !== undefined && isFailed(row);
  const asked: Keymap = [
    {
      keys: ["y"],
      label: "yes",
      help: "When something is asked: yes",
      when: () => !free(),
      run: () => answer(true),
    },
    {
      keys: ["n"],
      label: "no",
      help: "When something is asked: no",
      when: () => !free(),
      run: () => answer(false),
    },
  ];
  const toggle: Binding = {
    keys: ["space"],
    label: row && wantedNow(row) ? "disable" : "enable",
    help: "Enable or disable it: now, and in its config.txt",
    when: when(() => true),
    run: onSelected((now) => ask(wantedNow(now) ? "disable" : "enable", now.name)),
  };
  const record: Binding = {
    keys: ["r"],
    label: row && recordsNow(row) ? "pause" : "record",
    help: "Begin a recording, or end it",
    when: when((now) => isUp(now.actual)),
    run: onSelected((now) => ask(recordsNow(now) ? "pause" : "record", now.name)),
  };
  const stopAll: Binding = {
    keys: ["x"],
    label: "stop all",
    help: "Stop all modules and the supervisor",
    when: able,
    run: () => pose("down"),
  };
  const restart: Binding = {
    keys: ["ctrl+r"],
    label: "restart",
    help: "Stop the module and start it again",
    when: when(() => true),
    run: onSelected(({ name }) => ask("restart", name)),
  };
  const recordAll: Binding = {
    keys: ["R"],
    label: anyRecords() ? "pause all" : "record all",
    help: "Begin a recording in all modules, or end all that are made",
    when: () => able() && (last().view.modules ?? []).some(({ actual }) => isUp(actual)),
    run: () => ask(anyRecords() ? "pause" : "record", ALL),
  };
  const openLog: Binding = {
    keys: ["l", "enter"],
    label: inLog() ? "modules" : "log",
    help: "Its log alone, or all modules again",
    when: () => free() && selectedNow() !== undefined,
    run: () => open(inLog() ? { is: "table" } : { is: "log", find: "", last: undefined }),
  };
  const followNewest: Binding = {
    keys: ["f"],
    label: "follow",
    help: "Log: go on with the newest lines",
    when: () => free() && shown.current.is === "log" && shown.current.last !== undefined,
    run: followAgain,
  };
  const search: Binding = {
    keys: ["/"],
    label: "find",
    help: "Only modules with this in their names; log: only lines with it",
    when: free,
    run: seek,
  };
  const ending = attached ? [stopAll] : [];
  // Where there isn't room for all of them the last ones go.
  const commands: Keymap = inLog()
    ? [openLog, followNewest, search, ...ending, record, restart, recordAll, reset]
    : failed
      ? [reset, record, openLog, ...ending, restart, recordAll, search, followNewest]
      : [record, openLog, ...ending, restart, recordAll, search, reset, followNewest];
  const keymap: Keymap = [
    ...asked,
    toggle,
    ...commands,
    {
      keys: ["down", "j"],
      label: "next",
      help: "The next module; log: a line on",
      bar: false,
      run: () => (inLog() ? scroll(1) : move(1)),
    },
    {
      keys: ["up", "k"],
      label: "previous",
      help: "The module before; log: a line back",
      bar: false,
      run: () => (inLog() ? scroll(-1) : move(-1)),
    },
    {
      keys: ["pagedown"],
      label: "page on",
      help: "A page on",
      bar: false,
      run: () => (inLog() ? scroll(room.current.lines) : move(room.current.modules)),
    },
    {
      keys: ["pageup"],
      label: "page back",
      help: "A page back",
      bar: false,
      run: () => (inLog() ? scroll(-room.current.lines) : move(-room.current.modules)),
    },
    {
      keys: ["home"],
      label: "first",
      help: "The first module; log: the oldest line that is kept",
      bar: false,
      run: () => (inLog() ? scroll(Number.NEGATIVE_INFINITY) : select(0)),
    },
    {
      keys: ["end"],
      label: "last",
      help: "The last module; log: go on with the newest lines",
      bar: false,
      run: () => (inLog() ? followAgain() : select(Number.POSITIVE_INFINITY)),
    },
    {
      keys: ["esc"],
      label: backFrom() === "find" ? "show all" : "back",
      help: "What was looked for is forgotten; log: back to all modules",
      bar: free(),
      when: () => backFrom() !== undefined,
      run: back,
    },
    attached
      ? {
          keys: ["q"],
          label: columns >= 100 && isLive(view) ? "leave it running" : "leave",
          help: "Leave; the modules and their supervisor go on",
          run: quit,
        }
      : {
          keys: ["q", "x"],
          label: "quit",
          help: "Stop all modules and the supervisor",
          when: free,
          run: leaveHost,
        },
    ...(interrupt === undefined
      ? []
      : [
          {
            keys: ["ctrl+c"],
            label: "interrupt",
            help: "The same, unasked, with exit code 130",
            run: interrupt,
            bar: false,
          },
        ]),
  ];

  const page = shown.current;
  const gone = view.host === false;
  const told = gone ? (last().ending ? "over" : "unknown") : "alive";
  const modules = rows.map((each): ShownModule => ({ row: each, asked: asks.shown(each), told }));
  const names = (view.modules ?? []).map(({ name }) => name);
  const look = (lines: number) => {
    const { below, found, ...seen } = lookAt(page, lines);
    const notes = [
      ...(page.is === "log" && page.find !== "" ? [`${found} with ${page.find}`] : []),
      ...(below > 0 ? [`${below} newer`] : []),
    ];
    return { lines: seen.lines, note: notes.join(" · ") };
  };
  const now = () =>
    view.as_of + (isLive(view) && last().lostAt === undefined ? performance.now() - last().at : 0);

  const shownView: Pushed = stopping.current && !gone ? { ...view, pending: "stopping" } : view;
  const reconnecting = last().lostAt !== undefined && !gone && !isStopping();
  const word = reconnecting ? "reconnecting" : stateWord(shownView);
  // Many things tell the time, and nothing else which modules these are.
  const notes = [profile, ...(columns < CLOCK_COLUMNS ? [] : [hourMinute(Date.now())])];
  const title = "stint modules  ";
  const forTitle = columns - cells(title) - cells([word, ...notes].join(" · ")) - 4;
  const summary = [
    ...(find.current === "" ? [] : [`/${find.current}: ${rows.length} of ${names.length}`]),
    ...(view.modules && !gone ? summaryTexts(view.modules) : []),
  ];
  return (
    <Screen
      title={`${title}${titleText(summary, view.dir, forTitle)}`.trimEnd()}
      status={{ word, tone: reconnecting ? "waiting" : stateTone(shownView), notes }}
      keymap={keymap}
      message={messageOf(last(), question.current, failure.current)}
      small={rowText(shownView)}
    >
      <Page
        modules={modules}
        names={names}
        selected={place}
        large={page.is === "log"}
        none={noneText(view, find.current)}
        now={now}
        look={look}
        measured={room}
      />
    </Screen>
  );
}

/** The full screen of a supervisor and its modules. */
export const modulesScreen = (props: ModulesScreenProps): ReactElement => <ModulesScreen {...props} />;

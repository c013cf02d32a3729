import { useWindowSize } from "ink";
import { type ReactNode, useEffect, useReducer, useRef, useState } from "react";
import type { Leaving } from "../kernel/attach.ts";
import type { Control, State } from "../kernel/control.ts";
import { clockText } from "../kernel/core/duration.ts";
import type { Binding, Keymap } from "../kernel/tui/keys.ts";
import { Screen } from "../kernel/tui/screen.tsx";
import type { Tone } from "../kernel/tui/theme.ts";
import { NOTHING_TOLD, viewOf } from "./core/view.ts";
import { StatisticsPage, TasksPage, TimerPage, taskRows, timerTone } from "./tui/pages.tsx";
import {
  hourMinute,
  isAway,
  isOver,
  isStanding,
  rowText,
  stateWord,
  typeName,
  type View,
  wantsToRun,
} from "./tui/words.ts";

/** What the screen is given. */
export type PomoScreenProps = Leaving & {
  control: Control;
  profile: string;
  /** The state as it is now. */
  first: State;
  /** Rings the terminal's bell; called when an interval has come to its end. */
  ring: () => void;
};

const EXTEND_MS = 5 * 60_000;

/** What is shown of a pomodoro that nothing is known of yet. */
const unknown: View = {
  state: "stopped",
  ...viewOf(undefined, { mono: 0, wall: 0, offset: 0 }, NOTHING_TOLD, {
    date: "1970-01-01",
    today: { completed: 0, interrupted: 0, focus_ms: 0, goal: 0 },
    streak_days: 0,
    week: [],
    year: [],
    tasks: [],
  }),
};

/** A view, when it was heard, and when its notice was first: ms of the clock that never jumps. */
type Heard = { readonly view: View; readonly at: number; readonly noticedAt: number };

const nothing: Heard = { view: unknown, at: 0, noticedAt: 0 };

/** A host that is still opening says less: what isn't said is as it was. */
function heard(before: Heard, state: State): Heard {
  const { pending: _, host: __, ...known } = before.view;
  const view = { ...known, ...state } as View;
  const at = performance.now();
  return { view, at, noticedAt: view.notice === before.view.notice ? before.noticedAt : at };
}

/** A notice is news for so long, ms. */
const NEWS_MS = 60_000;

/** For how long its notice still is news, ms; not above 0 when there is none, or it is old. */
const newsFor = ({ view, noticedAt }: Heard): number =>
  view.notice === null ? 0 : noticedAt + NEWS_MS - performance.now();

/** What is left of it now, ms. */
const remainingOf = ({ view, at }: Pick<Heard, "view" | "at">): number =>
  view.ticking ? Math.max(0, view.remaining_ms - (performance.now() - at)) : view.remaining_ms;

/** How long what is shown stays true, ms: to the next second of a timer that runs, else to the next minute. */
function untilChange(heard: Heard): number {
  const news = newsFor(heard);
  return news > 0 ? Math.min(news + 1, untilTime(heard)) : untilTime(heard);
}

function untilTime(heard: Heard): number {
  const remaining = remainingOf(heard);
  // A timer may fire a little early, and the second would still be the old one: one ms late isn't seen.
  if (heard.view.ticking && remaining > 0) return remaining - (Math.ceil(remaining / 1000) - 1) * 1000 + 1;
  return 60_000 - (Date.now() % 60_000) + 1;
}

/** The state as it is pushed, drawn anew whenever it would read otherwise; undefined pushes are `reconnecting`. */
function usePushed({ control, first, ring }: PomoScreenProps): Heard & { reconnecting: boolean } {
  const [last, setLast] = useState<Heard>(() => heard(nothing, first));
  const [reconnecting, setReconnecting] = useState(false);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let before = heard(nothing, first);
    const watching = control.watch((state) => {
      setReconnecting(state === undefined);
      if (!state) return;
      const now = heard(before, state);
      if (now.view.events > before.view.events && now.view.event?.endsWith("_COMPLETED")) ring();
      before = now;
      setLast(now);
    });
    return () => void watching[Symbol.asyncDispose]();
  }, [control, first, ring]);
  useEffect(() => {
    const timer = setTimeout(redraw, untilChange(last));
    return () => clearTimeout(timer);
  });
  return { ...last, reconnecting };
}

type Page = "timer" | "tasks" | "statistics";

/** What there is to say, the most pressing first. @param notice news, if there are any */
function messageOf(
  view: View,
  said: string | undefined,
  notice: string | undefined,
): { text: string; tone: Tone } | undefined {
  const { unsaved, finished_away_at, degraded = [], session_type } = view;
  // Without what it counts for, a break that was over is just over.
  const counts = session_type === "WORK" ? ": f counts it, space doesn't" : "";
  const away =
    isAway(view) && finished_away_at !== null
      ? `finished while away at ${hourMinute(finished_away_at)}${counts}`
      : undefined;
  const gone = view.host === false && !isOver(view) ? "no host is alive: space goes on" : undefined;
  const without = degraded.length === 0 ? undefined : `without ${degraded.join(", ")}`;
  const notSaved = unsaved === null ? undefined : `not saved: ${unsaved}`;
  const parts = [said, notSaved, gone, away, without, notice];
  const text = parts.filter((part) => part !== undefined).join(" · ");
  if (text === "") return undefined;
  const failed = said !== undefined || unsaved !== null;
  return { text, tone: failed ? "failed" : (away ?? gone ?? without) === undefined ? "plain" : "waiting" };
}

/** What `space` does now, in the words of the key bar. */
function spaceLabel(view: View, columns: number): string {
  if (wantsToRun(view)) return "pause";
  if (!isStanding(view)) return "resume";
  const next = `start ${typeName(view.next_type)}`;
  const uncounted = isAway(view) && view.session_type === "WORK" && columns >= 100;
  return uncounted ? `${next} (counts this as interrupted)` : next;
}

function PomoScreen(props: PomoScreenProps) {
  const { control, profile, quit, interrupt, attached } = props;
  const { columns } = useWindowSize();
  const { reconnecting, ...last } = usePushed(props);
  const { view } = last;
  const remaining = remainingOf(last);
  const notice = newsFor(last) > 0 ? (view.notice ?? undefined) : undefined;
  const [said, say] = useState<string | undefined>();
  // A ref, since the keys after the one that opens a page may come before it is drawn.
  const shown = useRef<{ page: Page; selected: number }>({ page: "timer", selected: 0 });
  const [, redraw] = useReducer((count: number) => count + 1, 0);

  const open = (page: Page, selected = 0) => {
    shown.current = { page, selected };
    redraw();
  };
  const ask = (name: string, args: object = {}) => {
    control.command(name, args).then(
      () => say(undefined),
      (error: Error) => say(error.message),
    );
  };
  const rows = taskRows(view);
  const selected = () => Math.min(shown.current.selected, rows.length - 1);
  const chosen = () => rows[selected()];
  const toTasks = () =>
    open(
      "tasks",
      Math.max(
        0,
        rows.findIndex(({ id }) => id === view.task_id),
      ),
    );

  const over = isOver(view);
  const standing = isStanding(view);
  const onTasks = () => shown.current.page === "tasks";
  const onTimer = () => !onTasks();
  const { page } = shown.current;
  const tasksShown = page === "tasks";
  const inSession = () => onTimer() && !over;
  const away = isAway(view);
  const finish: Binding = {
    keys: ["f"],
    label: away ? "count as done" : "finish",
    help: away ? "Count it as done" : "Count it as done, early",
    when: () => inSession() && !view.completed,
    run: () => ask("finish", { interval: view.interval }),
  };
  const timerKeys: Keymap = [
    {
      keys: ["space"],
      label: spaceLabel(view, columns),
      help: "Pause, go on, or start what comes next",
      bar: !tasksShown,
      when: () => !over,
      // By name and not toggled: it does what it says, also when somebody else was quicker.
      run: () => ask(wantsToRun(view) ? "pause" : "resume"),
    },
    // Where there is a choice to make, what chooses stands first.
    ...(away ? [finish] : []),
    {
      keys: ["n"],
      label: "new",
      help: "Start another session",
      when: () => onTimer() && over,
      run: (type) =>
        type({
          label: "task, or nothing",
          done: (text) => {
            const task = text?.trim();
            if (task !== undefined) ask("start", task === "" ? {} : { task });
          },
        }),
    },
    {
      keys: ["s"],
      label: "skip",
      help: "Go on to the next; this one counts as interrupted",
      when: inSession,
      run: () => ask("skip", { interval: view.interval }),
    },
    {
      keys: ["+"],
      label: "5 min",
      help: "Make it five minutes longer",
      when: () => inSession() && !standing,
      run: () => ask("extend", { ms: EXTEND_MS }),
    },
    {
      keys: ["u"],
      label: "undo",
      help: "Take back the last skip, finish, extend or stop",
      when: () => onTimer() && view.undo !== null,
      run: () => ask("undo"),
    },
    {
      keys: ["t"],
      label: "task",
      help: "The open tasks: work on one, add one",
      bar: !tasksShown,
      run: () => (onTasks() ? open("timer") : toTasks()),
    },
    {
      keys: ["x"],
      label: "stop",
      help: "End the session; what is running counts as interrupted",
      when: inSession,
      run: () => ask("stop"),
    },
    ...(away ? [] : [finish]),
    {
      keys: ["w", "tab"],
      label: "statistics",
      help: "Today, the week and the year",
      bar: page === "timer",
      when: onTimer,
      run: () => open(shown.current.page === "statistics" ? "timer" : "statistics"),
    },
  ];
  const taskKeys: Keymap = [
    {
      keys: ["enter"],
      label: "use",
      help: "Tasks: work on the selected one",
      when: onTasks,
      run: () => {
        ask("task-use", { id: chosen()?.id ?? null });
        open("timer");
      },
    },
    {
      keys: ["a"],
      label: "add",
      help: "Tasks: add one",
      when: onTasks,
      run: (type) =>
        type({
          label: "new task",
          done: (text) => {
            const title = text?.trim() ?? "";
            if (title !== "") ask("task-add", { title });
          },
        }),
    },
    {
      keys: ["d"],
      label: "done",
      help: "Tasks: mark the selected one as done",
      when: () => onTasks() && chosen()?.id != null,
      run: () => ask("task-done", { id: chosen()?.id }),
    },
    {
      keys: ["down", "j"],
      label: "next",
      help: "Tasks: the next one",
      bar: false,
      when: onTasks,
      run: () => open("tasks", Math.min(selected() + 1, rows.length - 1)),
    },
    {
      keys: ["up", "k"],
      label: "previous",
      help: "Tasks: the one before",
      bar: false,
      when: onTasks,
      run: () => open("tasks", Math.max(0, selected() - 1)),
    },
  ];
  const back: Binding = {
    keys: ["esc"],
    label: "back",
    help: "Back to the timer",
    when: () => shown.current.page !== "timer",
    run: () => open("timer"),
  };
  const leave: Binding = attached
    ? {
        keys: ["q"],
        label: over || columns < 80 ? "leave" : "leave it running",
        help: "Leave; the timer goes on",
        run: quit,
      }
    : { keys: ["q"], label: "quit", help: "End the timer's host; it can be taken up again", run: quit };
  const interrupts: Keymap =
    interrupt === undefined
      ? []
      : [
          {
            keys: ["ctrl+c"],
            label: "interrupt",
            help: "The same, with exit code 130",
            run: interrupt,
            bar: false,
          },
        ];

  // The bar shows the first ones that fit.
  const pageKeys =
    page === "statistics" ? [back, ...timerKeys, ...taskKeys] : [...timerKeys, ...taskKeys, back];
  const wall = Date.now();
  const timer = page === "timer" || over ? [] : [`${clockText(remaining)} left`];
  const status = {
    word: reconnecting ? "reconnecting" : stateWord(view),
    tone: reconnecting ? ("waiting" as const) : view.pending ? "waiting" : timerTone(view),
    notes: [...timer, profile, hourMinute(wall)],
  };
  return (
    <Screen
      title="stint pomo"
      status={status}
      keymap={[...pageKeys, leave, ...interrupts]}
      message={messageOf(view, said, notice)}
      small={rowText(view, remaining)}
    >
      {page === "timer" && <TimerPage view={view} remaining={remaining} wall={wall} />}
      {page === "statistics" && <StatisticsPage overview={view.overview} />}
      {page === "tasks" && <TasksPage view={view} selected={selected()} />}
    </Screen>
  );
}

/** The full screen of a pomodoro. */
export const pomoScreen = (props: PomoScreenProps): ReactNode => <PomoScreen {...props} />;

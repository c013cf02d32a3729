import { useWindowSize } from "ink";
import { type ReactElement, useCallback, useEffect, useReducer, useRef, useState } from "react";
import type { Leaving } from "../kernel/attach.ts";
import type { Control, State } from "../kernel/control.ts";
import type { Ask } from "../kernel/tui/entry.ts";
import type { Binding, Keymap } from "../kernel/tui/keys.ts";
import { Screen } from "../kernel/tui/screen.tsx";
import type { Tone } from "../kernel/tui/theme.ts";
import { timesAt } from "./core/line.ts";
import type { ReportOf } from "./core/report-view.ts";
import type { Pushed } from "./core/view.ts";
import { NowPage, type Thumbnail } from "./tui/pages.tsx";
import { OutcomePage, type ReadReport, ReportPage, useReport } from "./tui/report-pages.tsx";
import {
  awayText,
  effortText,
  hourMinute,
  isLive,
  isOver,
  missingParts,
  nowText,
  parseEffort,
  rowText,
  stateTone,
  stateWord,
  timesTexts,
  todayTexts,
  troubles,
  unknownView,
  type Wish,
  wantsToRun,
} from "./tui/words.ts";

/** What the screen is given. */
export type TrackScreenProps = Leaving & {
  control: Control;
  profile: string;
  /** The state as it is now. */
  first: State;
  /** Draws a screenshot in at most so many cells; one that isn't there is an error, or no rows. */
  thumbnail: Thumbnail;
  /** Reads a report of the store; what is thrown is shown. */
  report: ReadReport;
};

/** A view, when it was heard, and when its notice was first: ms of the clock that never jumps. */
type Heard = { readonly view: Pushed; readonly at: number; readonly noticedAt: number };

/** A host that is still opening says less: what isn't said is as it was. */
function heard(before: Heard, state: State): Heard {
  const { pending: _, host: __, crashed: ___, resumable: ____, ...known } = before.view;
  const view = { ...known, ...state } as Pushed;
  const now = performance.now();
  // Told again of the same moment: time has passed since it was told first.
  const at = view.as_of === before.view.as_of ? before.at : now;
  return { view, at, noticedAt: view.notice === before.view.notice ? before.noticedAt : now };
}

const nothing = (): Heard => ({ view: unknownView(), at: performance.now(), noticedAt: 0 });

/** A notice is news for so long, ms. */
const NEWS_MS = 60_000;

/** ms since what is shown was true; none pass while no host is alive. */
const passedOf = ({ view, at }: Heard): number => (isLive(view) ? performance.now() - at : 0);

const newsOf = ({ view, noticedAt }: Heard): string | undefined =>
  view.notice !== null && performance.now() - noticedAt < NEWS_MS ? view.notice : undefined;

/** All that reads otherwise when time passes: a frame is drawn for a change of it, and not for each second. */
function passingText(heard: Heard, times: boolean): string {
  const texts = [newsOf(heard), hourMinute(Date.now())];
  if (!times) return texts.join("\n");
  const passed = passedOf(heard);
  const now = timesAt(heard.view, passed);
  return [...texts, ...timesTexts(now), ...todayTexts(now), nowText(heard.view, passed, WIDE)].join("\n");
}

/** Wide enough that nothing is cut. */
const WIDE = 1_000;

/** How long until the time that goes on shows its next second, ms; a little more, since a timer may fire early. */
function untilSecond(heard: Heard): number {
  const { going, worked_ms, paused_ms, afk_ms } = timesAt(heard.view, passedOf(heard));
  const ms = going === "pause" ? paused_ms : going === "away" ? afk_ms : worked_ms;
  return 1_001 - (ms % 1_000);
}

/** The state as it is pushed, drawn anew whenever it would read otherwise; undefined pushes are `reconnecting`. */
function usePushed({ control, first }: TrackScreenProps) {
  const [last, setLast] = useState<Heard>(() => heard(nothing(), first));
  const [reconnecting, setReconnecting] = useState(false);
  // Also a ref, for keys that are pressed before it is drawn.
  const latest = useRef(last);
  const hear = useCallback((state: State) => {
    latest.current = heard(latest.current, state);
    setLast(latest.current);
  }, []);
  /** An answer may come after a push that was newer. */
  const hearAnswer = useCallback(
    (state: State) => {
      const { as_of, session_id } = latest.current.view;
      if (state["session_id"] !== session_id || !(Number(state["as_of"]) < as_of)) hear(state);
    },
    [hear],
  );
  useEffect(() => {
    const watching = control.watch((state) => {
      setReconnecting(state === undefined);
      if (state) hear(state);
    });
    return () => void watching[Symbol.asyncDispose]();
  }, [control, hear]);
  return { last, latest, reconnecting, hear: hearAnswer };
}

/** Draws anew when what is shown would read otherwise. @param times whether times that go on are shown */
function usePassing(last: Heard, times: boolean): void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const drawn = passingText(last, times);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const later = () => {
      timer = setTimeout(look, untilSecond(last));
    };
    const look = () => (passingText(last, times) === drawn ? later() : redraw());
    later();
    return () => clearTimeout(timer);
  }, [last, times, drawn]);
}

type Page =
  | { readonly is: "now" }
  | { readonly is: "report"; readonly of: "day" | "week"; readonly day: string }
  | { readonly is: "outcome"; readonly session: string; readonly from: number };

const reportOf = (page: Page): ReportOf | undefined => {
  if (page.is === "report") return page.of === "day" ? { day: page.day } : { week: page.day };
  return page.is === "outcome" ? { session: page.session } : undefined;
};

/** What there is to say, the most pressing first. @param said what went wrong of what was asked for */
function messageOf(
  view: Pushed,
  said: string | undefined,
  notice: string | undefined,
  asked: Pushed["question"],
): { text: string; tone: Tone } | undefined {
  const { unsaved } = view;
  const failed = [
    ...(said === undefined ? [] : [said]),
    ...(unsaved === null ? [] : [`not saved: ${unsaved}`]),
  ];
  const missing = missingParts(view);
  const waiting = [
    ...(view.host === false && view.resumable && view.pending === undefined
      ? [
          `its host ${view.crashed ? "died" : "ended"} at ${hourMinute(view.going_since ?? view.as_of)}: space resumes it`,
        ]
      : []),
    ...(asked ? [`${awayText(asked)}: k keep · d drop · g give it to a project`] : []),
    ...(isLive(view) ? troubles(view, "failed", "hung") : []),
    ...(isLive(view) && missing.length > 0 ? [`without ${missing.join(", ")}`] : []),
  ];
  const rest = [
    ...(notice === undefined ? [] : [notice]),
    ...(isLive(view) ? troubles(view, "unavailable") : []),
    ...(isOver(view) ? ["nothing is tracked: stint track start"] : []),
  ];
  const text = [...failed, ...waiting, ...rest].join(" · ");
  if (text === "") return undefined;
  return { text, tone: failed.length > 0 ? "failed" : waiting.length > 0 ? "waiting" : "plain" };
}

function TrackScreen(props: TrackScreenProps) {
  const { control, profile, quit, interrupt, attached, thumbnail, report } = props;
  const { columns } = useWindowSize();
  const { reconnecting, hear, last, latest } = usePushed(props);
  const [said, say] = useState<string | undefined>();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  // Refs, since the keys after the one that changes these may come before it is drawn.
  const shown = useRef<Page>({ is: "now" });
  /** What was asked for last of pause and resume, until it was done. */
  const wish = useRef<Wish | undefined>(undefined);
  const stopping = useRef(false);
  /** The time away that was answered. */
  const answered = useRef<number | undefined>(undefined);
  /** The session that was seen alive here. */
  const lived = useRef<string | null>(null);

  const open = useCallback((page: Page) => {
    shown.current = page;
    redraw();
  }, []);
  const end = useCallback(
    (session: string) => {
      if (shown.current.is !== "outcome") open({ is: "outcome", session, from: 0 });
    },
    [open],
  );

  // What is on its way is shown at once, before the host has said a word.
  const pending = stopping.current
    ? "stopping"
    : wish.current === "pause"
      ? "pausing"
      : wish.current === "resume"
        ? "resuming"
        : undefined;
  const told = last.view;
  const view = pending === undefined || isOver(told) ? told : { ...told, pending };
  const passed = passedOf(last);
  const now = timesAt(view, passed);

  useEffect(() => {
    if (isLive(told)) lived.current = told.session_id;
    else if (told.host === false && isOver(told) && lived.current !== null) end(lived.current);
  }, [told, end]);

  const isStopping = () => stopping.current || latest.current.view.pending === "stopping";
  const isEnded = () => shown.current.is === "outcome";

  /** Asks the host; never rejects. @returns whether it was done */
  const ask = async (name: string, args: object = {}): Promise<boolean> => {
    // A line that was being typed when the session came to its end.
    if (isStopping() || isEnded()) return false;
    try {
      hear(await control.command(name, args));
      say(undefined);
      return true;
    } catch (error) {
      say((error as Error).message);
      return false;
    }
  };

  const toRun = () =>
    wish.current === undefined ? wantsToRun(latest.current.view) : wish.current === "resume";
  /** One command at a time; when something else is wished for by then, that comes next: the last wish holds. */
  const press = async () => {
    const busy = wish.current !== undefined;
    wish.current = toRun() ? "pause" : "resume";
    redraw();
    if (busy) return;
    let asked: Wish | undefined;
    while (wish.current !== asked) {
      asked = wish.current;
      if (asked !== undefined) await ask(asked);
    }
    wish.current = undefined;
    redraw();
  };

  const stop = async () => {
    const { session_id } = told;
    stopping.current = true;
    redraw();
    try {
      const state = await control.command("stop");
      hear(state);
      // A host may answer before it has finalised the session: then it is over when that is pushed.
      if (state["pending"] === undefined && session_id !== null) end(session_id);
    } catch (error) {
      say((error as Error).message);
    }
    stopping.current = false;
    redraw();
  };

  const { question } = told;
  useEffect(() => {
    // What was answered may be taken back, and is then asked again.
    if (question === null) answered.current = undefined;
  }, [question]);
  const asked = question !== null && question.span !== answered.current && isLive(told) ? question : null;
  const decide = async (decision: "keep" | "drop" | { project: string }) => {
    if (!asked) return;
    answered.current = asked.span;
    redraw();
    if (!(await ask("correct", { edit: { do: "away", span: asked.span, decision } })))
      answered.current = undefined;
    redraw();
  };
  const typed =
    (done: (text: string) => void) =>
    (text: string | undefined): void => {
      if (text !== undefined) done(text.trim());
    };

  const page = shown.current;
  usePassing(last, page.is === "now");
  const today = told.today.date;
  const onNow = () => shown.current.is === "now";
  const onReport = () => shown.current.is === "report";
  const onAway = () => onNow() && asked !== null && answered.current !== asked.span;
  const alive = () => isLive(told);

  const giveAway = (type: Ask) =>
    type({
      label: "project that the time away was for",
      done: typed((text) => {
        if (text !== "") void decide({ project: text });
      }),
    });
  const switchTo = (type: Ask) =>
    type({
      label: "project +tag (none: no project)",
      done: typed((text) => {
        const effort = parseEffort(text, told.project);
        if (effort) void ask("correct", { edit: { do: "switch", ...effort } });
      }),
    });
  const note = (type: Ask) =>
    type({
      label: "note",
      initial: told.note ?? "",
      done: typed((text) => void ask("note", { text })),
    });

  const move = (days: number) => {
    const at = shown.current;
    if (at.is !== "report") return;
    const day = Temporal.PlainDate.from(at.day).add({ days: at.of === "week" ? 7 * days : days });
    const latest = Temporal.PlainDate.from(today);
    // There is nothing to be seen of what is to come.
    open({ ...at, day: (Temporal.PlainDate.compare(day, latest) > 0 ? latest : day).toString() });
  };
  const turn = (of: "day" | "week") => {
    const at = shown.current;
    if (at.is === "report") open({ ...at, of });
  };
  const scroll = (rows: number) => {
    const at = shown.current;
    const most = Math.max(0, (read.report?.spans.length ?? 1) - 1);
    if (at.is === "outcome") open({ ...at, from: Math.min(most, Math.max(0, at.from + rows)) });
  };

  const reported = page.is === "report";
  const keep: Binding = {
    keys: ["k"],
    label: "keep",
    help: "Time away: count it as work",
    when: onAway,
    run: () => void decide("keep"),
  };
  const drop: Binding = {
    keys: ["d"],
    label: reported ? "day" : "drop",
    help: "Report: of a day; time away: don't count it",
    when: () => onAway() || onReport(),
    run: () => (onReport() ? turn("day") : void decide("drop")),
  };
  const give: Binding = {
    keys: ["g"],
    label: "give to a project",
    help: "Time away: count it as work on a project",
    when: onAway,
    run: (type) => giveAway(type),
  };
  const project: Binding = {
    keys: ["p"],
    label: "project",
    help: "Go on with another project",
    when: () => onNow() && alive(),
    run: (type) => switchTo(type),
  };
  const wanted = told.trackers.screenshots;
  const shoots = wanted.state !== "off" || wanted.via !== null;
  const sessionKeys: Keymap = [
    ...(asked && !reported ? [keep, drop, give] : []),
    {
      keys: ["space"],
      label: toRun() ? "pause" : "resume",
      help: "Pause, or go on",
      bar: !reported,
      when: () => !isOver(told),
      run: () => void press(),
    },
    project,
    {
      keys: ["x"],
      label: "stop",
      help: "End the session, and see what it came to",
      bar: !reported,
      when: () => onNow() && !isOver(told),
      run: () => void stop(),
    },
    {
      keys: ["n"],
      label: "note",
      help: "Note what it is about",
      when: () => onNow() && alive(),
      run: note,
    },
    {
      keys: ["r"],
      label: "report",
      help: "Where the day went, and the week",
      bar: !reported,
      run: () => open(onReport() ? { is: "now" } : { is: "report", of: "day", day: today }),
    },
    {
      keys: ["s"],
      label: shoots ? "no screenshots" : "screenshots",
      help: "Take screenshots, or no more",
      when: () => onNow() && alive(),
      run: () => void ask("tracker", { name: "screenshots", on: !shoots }),
    },
    {
      keys: ["u"],
      label: "undo",
      help: "Take back the last correction",
      when: onNow,
      run: () => void ask("undo"),
    },
  ];
  const reportKeys: Keymap = [
    {
      keys: ["left", "h"],
      label: "earlier",
      help: "Report: the day or week before",
      when: onReport,
      run: () => move(-1),
    },
    { keys: ["right", "l"], label: "later", help: "Report: the next", when: onReport, run: () => move(1) },
    ...(asked && !reported ? [] : [drop]),
    { keys: ["w"], label: "week", help: "Report: of the week", when: onReport, run: () => turn("week") },
    {
      keys: ["esc"],
      label: "back",
      help: "Back to what is tracked",
      when: onReport,
      run: () => open({ is: "now" }),
    },
  ];
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
  const leave: Binding = attached
    ? {
        keys: ["q"],
        label: isLive(told) && columns >= 100 && !isEnded() ? "leave it running" : "leave",
        help: "Leave; tracking goes on",
        run: quit,
      }
    : { keys: ["q"], label: "quit", help: "End the tracking's host; it can be resumed", run: quit };
  const outcomeKeys: Keymap = [
    { keys: ["down", "j"], label: "next", help: "The next span", bar: false, run: () => scroll(1) },
    { keys: ["up", "k"], label: "back", help: "The span before", bar: false, run: () => scroll(-1) },
    { keys: ["pagedown"], label: "further", help: "Ten spans on", bar: false, run: () => scroll(10) },
    { keys: ["pageup"], label: "further back", help: "Ten spans back", bar: false, run: () => scroll(-10) },
    { keys: ["q", "enter", "esc"], label: "leave", help: "Leave", run: quit },
  ];
  // Nothing but the way out acts on a session that is being finalised.
  const guarded = [...(reported ? [...reportKeys, ...sessionKeys] : [...sessionKeys, ...reportKeys])].map(
    (binding): Binding => ({
      ...binding,
      when: () => !isStopping() && !isEnded() && (binding.when?.() ?? true),
    }),
  );
  const keymap = page.is === "outcome" ? outcomeKeys : [...guarded, leave];

  const minute = page.is === "report" ? Math.floor(Date.now() / 60_000) : 0;
  const read = useReport(report, reportOf(page), minute);
  const effort = effortText(told);
  const status = {
    word: reconnecting && !isStopping() ? "reconnecting" : stateWord(view),
    tone: reconnecting ? ("waiting" as const) : stateTone(view),
    notes: [profile, hourMinute(Date.now())],
  };
  return (
    <Screen
      title={`stint track${effort === "" ? "" : `  ${effort}`}`}
      status={page.is === "outcome" ? { ...status, word: "stopped", tone: "secondary" } : status}
      keymap={[...keymap, ...interrupts]}
      message={
        page.is === "outcome"
          ? undefined
          : messageOf(view, said, newsOf(last), page.is === "now" ? asked : null)
      }
      small={rowText(now)}
    >
      {page.is === "now" && <NowPage view={view} now={now} passed={passed} thumbnail={thumbnail} />}
      {page.is === "report" && <ReportPage {...read} today={today} />}
      {page.is === "outcome" && <OutcomePage {...read} from={page.from} />}
    </Screen>
  );
}

/** The full screen of a tracked session. */
export const trackScreen = (props: TrackScreenProps): ReactElement => <TrackScreen {...props} />;

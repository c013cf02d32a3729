import { Text, useWindowSize } from "ink";
import { type ReactElement, useCallback, useEffect, useRef, useState } from "react";
import type { State } from "../kernel/control.ts";
import { Expected, message } from "../kernel/errors.ts";
import type { Ask } from "../kernel/tui/entry.ts";
import type { Binding, Keymap } from "../kernel/tui/keys.ts";
import { Screen } from "../kernel/tui/screen.tsx";
import { oneRow } from "../kernel/tui/text.ts";
import { type Tone, tones } from "../kernel/tui/theme.ts";
import { type Drawing, useDrawing, useTick } from "../kernel/tui/tick.ts";
import { problems } from "./core/health.ts";
import type { DetectView } from "./core/view.ts";
import { useDetection } from "./tui/detection.tsx";
import type { DetectScreenProps, Given, Installed, Message, PageName, Question, Typed } from "./tui/page.ts";
import { inPageWords } from "./tui/settings.ts";
import { useSettings } from "./tui/settings-page.tsx";
import { useTeaching } from "./tui/teaching-page.tsx";
import {
  cameraTexts,
  hourMinute,
  isLive,
  notKnownOff,
  rowText,
  stateTone,
  stateWord,
  unknownView,
} from "./tui/words.ts";

export type { DetectScreenProps } from "./tui/page.ts";

/** A view, and when it was heard: ms of the clock that never jumps. */
type Heard = {
  readonly view: DetectView;
  readonly at: number;
  /** Whether there ever was a host. */
  readonly lived: boolean;
  /** Whether the host was on its way to an end in order when it was heard of last. */
  readonly ending: boolean;
  /** Since when the host can't be reached; undefined: it can. */
  readonly lostAt: number | undefined;
};

/** A host that can't be reached for so long has ended, ms. */
const LOST_MS = 5_000;
/** What has come of what was asked for is news for so long, ms. */
const NEWS_MS = 60_000;
/** A narrower terminal has no room for the time in its title, in cells. */
const CLOCK_COLUMNS = 70;
/** What is shown is what would be done; the short one for where there is little room. */
const DRY_RUN = "DRY RUN: no relay is switched";
const DRY = "DRY RUN";

/** A host that is still opening says less: what isn't said is as it was; what nobody hosts is as it was last. */
function heard({ view: before, ...past }: Heard, state: State): Heard {
  const { pending: _, host: __, ...known } = before;
  const said = state as Partial<DetectView>;
  const { cameras, relays, zones, events } = before;
  const kept = said.host === false ? { cameras, relays, zones, events } : {};
  const view = { ...known, ...said, ...withoutNothing(kept) } as DetectView;
  return {
    view,
    // Told again of the same moment: time has passed since it was told first.
    at: view.as_of !== undefined && view.as_of === before.as_of ? past.at : performance.now(),
    lived: past.lived || view.host !== false,
    ending: view.host === false ? past.ending : view.pending === "stopping" || view.state === "stopped",
    lostAt: undefined,
  };
}

/** All of a state that is to be seen at once: what else is in it changes with every picture. */
function newsOf({ view, lostAt }: Heard): string {
  const { cameras, zones, relays, events, health: _, detector, as_of: __, ...rest } = view;
  const states = cameras?.map(({ name, state, error, retry_at }) => [name, state, error, retry_at]);
  return JSON.stringify([
    rest,
    states,
    zones,
    relays,
    events?.[0]?.id,
    detector?.state,
    lostAt === undefined,
  ]);
}

const withoutNothing = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;

/** What is known by now: a host that has been away for long is gone. */
function viewOf({ view, lostAt }: Heard): DetectView {
  return lostAt !== undefined && performance.now() - lostAt > LOST_MS ? { ...view, host: false } : view;
}

/** The state as it is pushed, in a ref: keys may be pressed before it is drawn. */
function usePushed({ control, first, profile }: DetectScreenProps, { drawSoon, drawLater }: Drawing) {
  const latest = useRef<Heard | undefined>(undefined);
  const nothing = (): Heard => ({
    view: unknownView(profile),
    at: performance.now(),
    lived: false,
    ending: false,
    lostAt: undefined,
  });
  latest.current ??= heard(nothing(), first);
  const last = useCallback(() => latest.current as Heard, []);
  const hear = useCallback(
    (state: State | undefined) => {
      const before = last();
      latest.current = state
        ? heard(before, state)
        : { ...before, lostAt: before.lostAt ?? performance.now() };
      if (newsOf(latest.current) === newsOf(before)) drawLater();
      else drawSoon();
    },
    [last, drawSoon, drawLater],
  );
  /** An answer may come after a push that was newer. */
  const hearAnswer = useCallback(
    ({ answer: _, ...state }: State) => {
      const { as_of, session_id } = last().view;
      if (state["session_id"] !== session_id || !(Number(state["as_of"]) < Number(as_of))) hear(state);
    },
    [last, hear],
  );
  useEffect(() => {
    const watching = control.watch(hear);
    return () => void watching[Symbol.asyncDispose]();
  }, [control, hear]);
  return { last, hearAnswer };
}

/** What went wrong, and what can be done about it. */
const inWords = (error: unknown): string =>
  error instanceof Expected && error.hint !== undefined ? `${error.message}: ${error.hint}` : message(error);

/** Why a change was refused, in the words of the page that it was made on. */
const refusal = (error: unknown, installation: Installed["current"]): string =>
  error instanceof Expected
    ? inWords(new Expected(error.exit, inPageWords(error.message, installation), error.hint))
    : inWords(error);

/** What is installed, as it was read last. */
function useInstalled(
  { installation, change }: DetectScreenProps,
  drawSoon: () => void,
  say: (text: string, tone: Tone) => void,
): Installed {
  const [installed] = useState(() => {
    /** Of several readings under way the last holds. */
    let turn = 0;
    const known: Installed = {
      current: undefined,
      problem: undefined,
      async load() {
        const mine = ++turn;
        const [read, problem] = await installation().then(
          (value) => [value, undefined] as const,
          (error: unknown) => [known.current, inWords(error)] as const,
        );
        if (mine !== turn) return;
        const isSame = problem === known.problem && JSON.stringify(read) === JSON.stringify(known.current);
        known.current = read;
        known.problem = problem;
        if (!isSame) drawSoon();
      },
      async change(edit) {
        try {
          const changed = await change(edit);
          turn++;
          known.current = changed;
          known.problem = undefined;
          return true;
        } catch (error) {
          say(refusal(error, known.current), "failed");
          return false;
        }
      },
    };
    return known;
  });
  return installed;
}

/** What there is to say, the most pressing first. @param installed where the session itself is looked at */
function messageOf(
  last: Heard,
  question: Question | undefined,
  said: Message | undefined,
  page: Message | undefined,
  installed: Installed | undefined,
): Message | undefined {
  if (question) return { text: question.text, tone: "waiting" };
  const view = viewOf(last);
  const isGone = view.host === false && last.lived;
  const gone = last.ending
    ? "detect has stopped"
    : "host lost, last known: stint detect run takes it up again";
  const problem = installed?.problem;
  // Told where it is looked at; on the other pages it would hide what they say.
  const wrong = installed && isLive(view) && view.state === "running" ? problems(view) : [];
  const all: Message[] = [
    ...(said ? [said] : []),
    ...notKnownOff(view).map((text) => ({ text, tone: "failed" as const })),
    ...(isGone ? [{ text: gone, tone: "failed" as const }] : []),
    ...(problem === undefined ? [] : [{ text: problem, tone: "failed" as const }]),
    ...(page && !said ? [page] : []),
    ...wrong.map(({ what }) => ({ text: what, tone: "failed" as const })),
  ];
  const [first] = all;
  if (!first && view.host === false) return { text: "detect isn't running", tone: "secondary" };
  return first && { text: all.map(({ text }) => text).join(" · "), tone: first.tone };
}

function DetectScreen(props: DetectScreenProps) {
  const { control, profile, attached, quit, interrupt } = props;
  const { columns } = useWindowSize();
  const drawing = useDrawing();
  const { draw, drawSoon } = drawing;
  const { last, hearAnswer } = usePushed(props, drawing);
  // Refs, since the keys after the one that changes these may come before it is drawn.
  const said = useRef<(Message & { readonly at: number }) | undefined>(undefined);
  const question = useRef<Question | undefined>(undefined);
  /** A line is typed, typed on since it was refused, or taken; undefined: keys do what they do. */
  const typing = useRef<"typed" | "refused" | "taken" | undefined>(undefined);
  const shown = useRef<PageName>(props.teach === undefined ? "detection" : "teaching");
  const camera = useRef(props.teach);

  const say = useCallback(
    (text: string | undefined, tone: Tone = "plain") => {
      said.current = text === undefined ? undefined : { text, tone, at: performance.now() };
      draw();
    },
    [draw],
  );
  const installed = useInstalled(props, drawSoon, say);
  /** What went wrong is said until something else is; what went well is news for a while. */
  const saidNow = () => {
    const now = said.current;
    return now?.tone === "plain" && performance.now() - now.at > NEWS_MS ? undefined : now;
  };
  const view = viewOf(last());
  const passed = () => performance.now() - last().at;
  useTick(() => {
    const now = viewOf(last());
    const lost = (now.cameras ?? []).flatMap((each) =>
      each.state === "live" ? [] : cameraTexts(each, passed(), Date.now()),
    );
    return [hourMinute(Date.now()), String(now.host), saidNow()?.text, ...lost].join("\n");
  });

  const pose = (asked: Question) => {
    question.current = asked;
    draw();
  };
  /** What is refused stays where it was typed: the next keys correct it, and do nothing else. */
  const type = (ask: Ask, typed: Typed, isAgain = false) => {
    const { label, initial, take } = typed;
    typing.current = isAgain ? "refused" : "typed";
    draw();
    const done = async (text: string | undefined) => {
      typing.current = undefined;
      if (isAgain) say(undefined);
      if (text === undefined) return draw();
      let taken = take(text);
      if (taken instanceof Promise) {
        typing.current = "taken";
        draw();
        taken = await taken;
        typing.current = undefined;
      }
      if (!taken) type(ask, { ...typed, initial: text }, true);
      draw();
    };
    ask({ label, ...(initial === undefined ? {} : { initial }), done: (text) => void done(text) });
  };
  const answer = (how: "yes" | "no" | "back") => {
    const asked = question.current;
    question.current = undefined;
    draw();
    if (how === "yes") asked?.yes();
    if (how === "no") asked?.no?.();
  };
  const show = (page: PageName) => {
    shown.current = page;
    say(undefined);
  };
  const given = (page: PageName): Given => ({
    props,
    installed,
    isShown: shown.current === page,
    view: () => viewOf(last()),
    gone: () => (last().lived ? "host lost, last known" : "no host"),
    passed,
    known: () => isLive(viewOf(last())),
    camera,
    draw,
    drawSoon,
    open: (to) => leave(() => show(to)),
    say,
    pose,
    type,
    async ask(name, args = {}, withinMs) {
      try {
        const state = await control.command(name, args, withinMs);
        hearAnswer(state);
        say(undefined);
        return state;
      } catch (error) {
        say(inWords(error), "failed");
        return undefined;
      }
    },
  });
  const teaching = useTeaching(
    given("teaching"),
    () => question.current === undefined && typing.current === undefined,
  );
  /** Goes on once nothing is left unsaved. */
  const leave = (go: () => void) => (shown.current === "teaching" ? teaching.leave(go) : go());
  const pages = {
    detection: useDetection(given("detection")),
    settings: useSettings(given("settings"), (name, zone) => {
      teaching.begin(name, zone);
      show("teaching");
    }),
    teaching,
  };
  const page = pages[shown.current];
  const own = shown.current;

  const open = (to: PageName) => () => {
    if (shown.current !== to) leave(() => show(to));
  };
  const order: readonly PageName[] = ["detection", "settings", "teaching"];
  const turns: Keymap = [
    ...order.map(
      (to, i): Binding => ({
        keys: [String(i + 1)],
        label: to === "teaching" ? "zones" : to,
        help: {
          detection: "What is detected",
          settings: "The settings",
          teaching: "Draw zones on a picture",
        }[to],
        bar: own !== to,
        run: open(to),
      }),
    ),
    ...(own === "teaching"
      ? []
      : [
          {
            keys: ["tab"],
            label: "page",
            help: "The next page",
            bar: false,
            run: open(own === "detection" ? "settings" : "teaching"),
          },
        ]),
  ];
  const leaving: Keymap = [
    attached
      ? {
          keys: ["q"],
          label: columns >= 100 && isLive(view) ? "leave it running" : "leave",
          help: isLive(view) ? "Leave; detection goes on" : "Leave",
          run: () => leave(quit),
        }
      : {
          keys: ["q"],
          label: "quit",
          help: "End detection: relays off, cameras closed; asked before it is done",
          run: () =>
            leave(() =>
              isLive(viewOf(last()))
                ? pose({ text: "switch all relays off, close the cameras and quit? y/n", yes: quit })
                : quit(),
            ),
        },
  ];
  const interrupts: Keymap = [
    {
      keys: ["ctrl+c"],
      label: "interrupt",
      help: interrupt ? "End detection, unasked, with exit code 130" : "Leave, unasked",
      run: interrupt ?? quit,
      bar: false,
    },
  ];

  /** Keys do what they do while nothing is asked; those of a page only while it is shown. */
  const whenFree = (keymap: Keymap): Keymap =>
    keymap.map((binding) => ({
      ...binding,
      when: () =>
        question.current === undefined &&
        typing.current === undefined &&
        shown.current === own &&
        (binding.when?.() ?? true),
    }));
  const whenWhole = (keymap: Keymap): Keymap =>
    keymap.map((binding) => ({ ...binding, when: () => !teaching.isTorn() && (binding.when?.() ?? true) }));
  const keymap = whenWhole(answering(whenFree([...page.keymap, ...turns, ...leaving]), question, answer));

  const isLost = last().lostAt !== undefined && view.host !== false;
  const pending = page.pending ?? view.pending;
  const shownView: DetectView = pending === undefined || !isLive(view) ? view : { ...view, pending };
  const dry = !view.dry_run || view.host === false ? "" : `${columns < CLOCK_COLUMNS ? DRY : DRY_RUN} · `;
  return (
    <Screen
      title={["stint detect", ...(page.title === "" ? [] : [page.title])].join("  ")}
      status={{
        word: `${dry}${isLost ? "reconnecting" : stateWord(shownView)}`,
        tone: isLost || dry !== "" ? "waiting" : stateTone(shownView),
        notes: [profile, ...(columns < CLOCK_COLUMNS ? [] : [hourMinute(Date.now())])],
      }}
      keymap={[...keymap, ...interrupts]}
      message={messageOf(
        last(),
        question.current,
        saidNow(),
        page.message,
        own === "detection" ? installed : undefined,
      )}
      small={rowText(shownView)}
    >
      {typing.current === "refused" && said.current && (
        <Text {...tones.failed}>{oneRow(said.current.text)}</Text>
      )}
      {page.body}
    </Screen>
  );
}

/** The keymap with the answers to what is asked; keys that do something else while nothing is keep doing that. */
function answering(
  keymap: Keymap,
  question: { readonly current: Question | undefined },
  answer: (how: "yes" | "no" | "back") => void,
): Keymap {
  const answers: readonly (readonly [key: string, how: "yes" | "no" | "back", help: string])[] = [
    ["y", "yes", "When something is asked: yes"],
    ["n", "no", "When something is asked: no"],
    ["esc", "back", "When something is asked: leave all as it is"],
  ];
  const isAsked = () => question.current !== undefined;
  const bound = (key: string) => keymap.find(({ keys }) => keys.includes(key));
  const added = answers
    .filter(([key]) => !bound(key))
    .map(
      ([key, how, help]): Binding => ({
        keys: [key],
        label: how,
        help,
        when: isAsked,
        run: () => answer(how),
      }),
    );
  const wrapped = keymap.map((binding): Binding => {
    const mine = answers.find(([key]) => binding.keys.includes(key));
    if (!mine) return binding;
    const [, how, help] = mine;
    return {
      ...binding,
      ...(isAsked() ? { label: how, bar: true } : {}),
      help: `${binding.help}; ${help[0]?.toLowerCase()}${help.slice(1)}`,
      when: () => isAsked() || (binding.when?.() ?? true),
      run: (type) => (isAsked() ? answer(how) : binding.run(type)),
    };
  });
  return [...added, ...wrapped];
}

/** The full screen of detection. */
export const detectScreen = (props: DetectScreenProps): ReactElement => <DetectScreen {...props} />;

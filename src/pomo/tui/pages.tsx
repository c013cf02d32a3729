import { Box, Text } from "ink";
import { memo } from "react";
import { clockText } from "../../kernel/core/duration.ts";
import { bars } from "../../kernel/tui/charts.ts";
import { Field, Progress } from "../../kernel/tui/components.tsx";
import { type Body, useBody } from "../../kernel/tui/screen.tsx";
import { cut, fit } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";
import { blockDigits } from "../core/digits.ts";
import { HEAT_LEVELS, heatMap } from "../core/heat-map.ts";
import type { Overview } from "../core/stats.ts";
import {
  hourMinute,
  isOver,
  isStanding,
  presetText,
  todayTexts,
  typeName,
  type View,
  wantsToRun,
  weekDays,
  weekText,
} from "./words.ts";

/** What is shown: the last state that was heard, and what is left of it at this moment. */
export type Shown = {
  readonly view: View;
  /** ms */
  readonly remaining: number;
  /** UTC ms */
  readonly wall: number;
};

/** The column of labels, in cells. */
const LABEL = 7;
/** The least that the words beside the digits get, and the space before them, in cells. */
const WORDS = 21;
const GAP = 3;
/** The heat map with its legend, and a free row above. */
const MAP_ROWS = 10;
/** The week as bars, with free rows about it. */
const WEEK_ROWS = 9;

const Blank = () => <Text> </Text>;

/** The tone of a timer: green while its time passes. */
export const timerTone = (view: View): Tone =>
  isOver(view) ? "secondary" : wantsToRun(view) ? "running" : "waiting";

/** Rows of text as one element: the fewer there are, the less a frame costs. */
const Rows = ({ rows, tone = "plain" }: { rows: readonly string[]; tone?: Tone }) => (
  <Text {...tones[tone]}>{rows.join("\n")}</Text>
);

const labelled = (label: string, rows: readonly string[]): string[] =>
  rows.map((row, i) => fit(i === 0 ? label : "", LABEL) + row);

type Line = { readonly text: string; readonly tone?: Tone };

/** What stands beside the digits. */
function words(view: View): Line[] {
  if (isOver(view)) {
    return [
      { text: "nothing is running", tone: "secondary" },
      { text: "n starts work" },
      { text: view.undo ? `u takes the ${view.undo} back` : "" },
    ];
  }
  const { session_type, round, rounds, task } = view;
  return [
    { text: `${typeName(session_type).toUpperCase()}  round ${round} of ${rounds}`, tone: timerTone(view) },
    task === null ? { text: "no task", tone: "secondary" } : { text: task },
    { text: presetText(view), tone: "secondary" },
  ];
}

/** The remaining time in digits as large as `rows` and the width allow, and what it is of. */
function Clock({ view, remaining, rows }: Shown & { rows: number }) {
  const { width } = useBody();
  const digits = blockDigits(clockText(remaining), width - WORDS - GAP, rows);
  const room = width - GAP - (digits[0]?.length ?? 0);
  const lines = words(view);
  return (
    <Box>
      <Rows rows={digits} tone={timerTone(view)} />
      <Box
        flexDirection="column"
        marginLeft={GAP}
        paddingTop={Math.max(0, Math.floor((digits.length - lines.length) / 2))}
      >
        {lines.map(({ text, tone = "plain" }, i) => (
          <Text key={String(i)} bold={i === 0} {...tones[tone]}>
            {cut(text, room)}
          </Text>
        ))}
      </Box>
    </Box>
  );
}

/** How far it is, and when it will be over. */
function Bar({ view, remaining, wall }: Shown) {
  if (isOver(view)) return <Blank />;
  const fraction = isStanding(view) ? 1 : 1 - remaining / Math.max(1, view.duration_ms);
  const left = `${clockText(remaining)} left`;
  const text = view.completed
    ? "done"
    : view.finished_away_at !== null
      ? `over since ${hourMinute(view.finished_away_at)}`
      : view.ticking
        ? `${left} · until ${hourMinute(wall + remaining)}`
        : left;
  return <Progress fraction={fraction} text={text} />;
}

// What changes with a push alone is drawn anew with it alone, and not each second.

/** What was done today, and the streak: one row where there is room for both. */
const Today = memo(function Today({ overview }: { overview: Overview }) {
  const { width } = useBody();
  const { today, streak } = todayTexts(overview, width - LABEL);
  return (
    <>
      <Field label="today" value={today} labelWidth={LABEL} />
      {streak !== undefined && <Field label="streak" value={streak} labelWidth={LABEL} />}
    </>
  );
});

const WeekRow = memo(function WeekRow({ overview }: { overview: Overview }) {
  const { width } = useBody();
  return <Field label="week" value={weekText(overview, width - LABEL)} labelWidth={LABEL} />;
});

/** The widest that a bar of the week gets, in cells. */
const WIDEST_BAR = 50;

const WeekBars = memo(function WeekBars({ overview }: { overview: Overview }) {
  const { width } = useBody();
  return <Rows rows={labelled("week", bars(weekDays(overview), Math.min(WIDEST_BAR, width - LABEL)))} />;
});

/** The year, a column a week, and what its shades mean. */
const Year = memo(function Year({ overview }: { overview: Overview }) {
  const { width } = useBody();
  return (
    <>
      <Rows rows={heatMap(overview.year, overview.date, width)} />
      <Text {...tones.secondary}>{`    less ${HEAT_LEVELS.join(" ")} more`}</Text>
    </>
  );
});

/** What a body of that height has room for, below the digits' least 5 rows: the year first, then larger digits. */
function layout(
  { height, width }: Body,
  overview: Overview,
): { digits: number; year: boolean; week: boolean } {
  const { streak } = todayTexts(overview, width - LABEL);
  // A free row above and below the digits, the bar, a free row, today and the week.
  const rest = 6 + (streak === undefined ? 0 : 1);
  const year = height >= 5 + rest + MAP_ROWS;
  const digits = height - rest - (year ? MAP_ROWS : 0);
  return { digits, year, week: year && digits >= 10 + WEEK_ROWS };
}

/** The timer: large digits, the bar, today, the week, and where there is room the year. */
export function TimerPage(shown: Shown) {
  const body = useBody();
  const { overview } = shown.view;
  const { digits, year, week } = layout(body, overview);
  return (
    <>
      <Blank />
      <Clock {...shown} rows={week ? digits - WEEK_ROWS : digits} />
      <Blank />
      <Bar {...shown} />
      <Blank />
      <Today overview={overview} />
      {week && <Blank />}
      {week ? <WeekBars overview={overview} /> : <WeekRow overview={overview} />}
      {year && <Blank />}
      {year && <Year overview={overview} />}
    </>
  );
}

/** Today, the week and the year. */
export function StatisticsPage({ overview }: { overview: Overview }) {
  const { height } = useBody();
  const bars = height >= 2 + WEEK_ROWS + MAP_ROWS;
  return (
    <>
      <Today overview={overview} />
      {bars && <Blank />}
      {bars ? <WeekBars overview={overview} /> : <WeekRow overview={overview} />}
      <Blank />
      <Year overview={overview} />
    </>
  );
}

/** A row of the tasks' page: an open task, or none of them. */
export type TaskRow = { readonly id: number | null; readonly title: string; readonly note: string };

/** No task, then the open ones. */
export const taskRows = ({ overview }: View): TaskRow[] => [
  { id: null, title: "no task", note: "" },
  ...overview.tasks.map(({ id, title, estimate, completed }) => ({
    id,
    title,
    note: estimate === null ? (completed > 0 ? `${completed} done` : "") : `${completed} of ${estimate}`,
  })),
];

/** The open tasks, one of them selected. */
export function TasksPage({ view, selected }: { view: View; selected: number }) {
  const { width, height } = useBody();
  const all = taskRows(view);
  const room = height - 2;
  // The selected one is in sight, in the middle where there are more on either side.
  const from = Math.max(0, Math.min(selected - Math.floor(room / 2), all.length - room));
  const noteWidth = 12;
  return (
    <>
      <Text bold>Tasks</Text>
      {all.slice(from, from + room).map(({ id, title, note }, i) => {
        const here = from + i === selected;
        const now = id === view.task_id ? "now" : "";
        const row = `${here ? "▸" : " "} ${fit(title, width - noteWidth - 7)}${fit(note, noteWidth, "right")}  ${now}`;
        return (
          <Text key={String(id)} {...tones[here ? "selected" : id === null ? "secondary" : "plain"]}>
            {row}
          </Text>
        );
      })}
      {all.length === 1 && <Text {...tones.secondary}>{"  there are none yet: a adds one"}</Text>}
    </>
  );
}

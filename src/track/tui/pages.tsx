import { Box, Text } from "ink";
import { memo, useEffect, useState } from "react";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { bars } from "../../kernel/tui/charts.ts";
import { type Body, useBody } from "../../kernel/tui/screen.tsx";
import { cells, cut, fit } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";
import type { Pushed } from "../core/view.ts";
import { dayLine, stretchOfDay } from "./day-line.ts";
import {
  capital,
  countText,
  dotted,
  hourMinute,
  nowText,
  stateTone,
  stateWord,
  type TrackerText,
  timesTexts,
  todayTexts,
  trackerRows,
  trackerTexts,
  weekDays,
} from "./words.ts";

/** The column of labels, in cells. */
const LABEL = 11;
/** Rows of a week as bars. */
export const WEEK_ROWS = 7;
/** The widest that bars of times get, in cells. */
export const WIDEST_BARS = 60;
/** From these heights of the body on there is room for more. */
export const ROOMY = 20;
const TALL = 32;

/** Draws a screenshot in at most so many cells; rows that are ready to be shown. */
export type Thumbnail = (id: number, width: number, height: number) => Promise<readonly string[]>;

export const Blank = () => <Text> </Text>;

/** Rows of text as one element: the fewer there are, the less a frame costs. */
export const Rows = ({ rows, tone = "plain" }: { rows: readonly string[]; tone?: Tone }) =>
  rows.length === 0 ? null : <Text {...tones[tone]}>{rows.join("\n")}</Text>;

export const labelled = (label: string, rows: readonly string[]): string[] =>
  rows.map((row, i) => fit(i === 0 ? label : "", LABEL) + row);

/** A dim label, then text in a tone. */
function Row({ label, text, tone = "plain" }: { label: string; text: string; tone?: Tone }) {
  const { width } = useBody();
  return (
    <Text>
      <Text {...tones.secondary}>{fit(label, LABEL)}</Text>
      <Text {...tones[tone]}>{cut(text, width - LABEL)}</Text>
    </Text>
  );
}

/** The state and what the session comes to, its button so to say. */
function Times({ view }: { view: Pushed }) {
  const { width } = useBody();
  const since = view.started_at === null ? [] : [`since ${hourMinute(view.started_at)}`];
  const text = dotted([...timesTexts(view), ...since], width - LABEL);
  return (
    <Text bold>
      <Text {...tones[stateTone(view)]}>{fit(capital(stateWord(view)), LABEL)}</Text>
      {text}
    </Text>
  );
}

// What changes with a push alone is drawn anew with it alone, and not each second.

const Counts = memo(function Counts({ view }: { view: Pushed }) {
  const { width } = useBody();
  const { minutes, today } = view;
  return (
    <>
      <Row label="keys" text={countText(minutes.keys, today.keys, width - LABEL)} />
      <Row label="clicks" text={countText(minutes.clicks, today.clicks, width - LABEL)} />
    </>
  );
});

const DayLine = memo(function DayLine({ view, marked }: { view: Pushed; marked: boolean }) {
  const { width } = useBody();
  const { date, line, apps } = view.today;
  return <Rows rows={dayLine(line, stretchOfDay(date, line), apps, width, marked)} />;
});

/** Times by a name as bars, as many as there are rows for, the last of them for all that are left. */
export function timeBars(
  times: readonly { readonly name: string; readonly ms: number }[],
  rows: number,
  width: number,
): string[] {
  const all = times.filter(({ ms }) => ms > 0);
  if (rows < 1) return [];
  const few = all.length <= rows ? all : all.slice(0, rows - 1);
  const rest = all.slice(few.length);
  const more = { name: `${rest.length} more`, ms: rest.reduce((sum, { ms }) => sum + ms, 0) };
  return bars(
    [...few, ...(rest.length === 0 ? [] : [more])].map(({ name, ms }) => ({
      label: cut(name, Math.floor((2 * width) / 5)),
      value: ms,
      text: spokenDuration(ms),
    })),
    width,
  );
}

const Apps = memo(function Apps({ view, rows, width }: { view: Pushed; rows: number; width: number }) {
  const apps = view.today.apps.map(({ app, ms }) => ({ name: app, ms }));
  const drawn = timeBars(apps, rows, Math.min(WIDEST_BARS, width - LABEL));
  return (
    <Box height={rows} width={width}>
      {drawn.length === 0 ? (
        <Row label="apps" text="none seen yet today" tone="secondary" />
      ) : (
        <Rows rows={labelled("apps", drawn)} />
      )}
    </Box>
  );
});

/** The newest screenshot, drawn anew when there is another or its room has changed. */
function Picture(props: { shot: { id: number; at: number }; thumbnail: Thumbnail } & Body) {
  const { shot, thumbnail, width, height } = props;
  const [drawn, setDrawn] = useState<readonly string[]>([]);
  useEffect(() => {
    let over = false;
    const show = (rows: readonly string[]) => {
      if (!over) setDrawn(rows);
    };
    // One that was deleted meanwhile, or can't be read, is just not there.
    thumbnail(shot.id, width, height).then(show, () => show([]));
    return () => {
      over = true;
    };
  }, [thumbnail, shot.id, width, height]);
  const text = `screenshot ${hourMinute(shot.at)}`;
  return (
    <Box flexDirection="column" width={width} marginLeft={GAP}>
      <Text {...tones.secondary}>{cut(text, width)}</Text>
      <Text wrap="truncate">{drawn.slice(0, height).join("\n")}</Text>
    </Box>
  );
}

/** Between the apps and the picture, in cells. */
const GAP = 3;
/** The least that is worth a picture, in cells; and what the apps keep beside it. */
const LEAST_PICTURE: Body = { width: 20, height: 5 };
const LEAST_APPS = 44;

/** The room for a picture of 16:9 beside the apps; a cell is as high as two are wide. */
function pictureRoom(rows: number, width: number): Body | undefined {
  const room = Math.min(width - LEAST_APPS - GAP, Math.floor(width / 2), Math.floor(((rows - 1) * 32) / 9));
  const height = Math.min(rows - 1, Math.ceil((room * 9) / 32));
  return room < LEAST_PICTURE.width || height < LEAST_PICTURE.height ? undefined : { width: room, height };
}

/** States of the trackers, each in its tone and by its word. */
function Trackers({ view }: { view: Pushed }) {
  const { width } = useBody();
  let room = width - LABEL;
  const shown: TrackerText[] = [];
  for (const { text, tone } of trackerTexts(view, room)) {
    const kept = cut(text, room);
    if (kept !== "") shown.push({ text: kept, tone });
    room -= cells(text) + 3;
  }
  return (
    <Text>
      <Text {...tones.secondary}>{fit("trackers", LABEL)}</Text>
      {shown.map(({ text, tone }, i) => (
        <Text key={text}>
          {i === 0 ? "" : " · "}
          <Text {...tones[tone]}>{text}</Text>
        </Text>
      ))}
    </Text>
  );
}

/** The same where there is a row for each. */
function TrackerList({ view }: { view: Pushed }) {
  const { width } = useBody();
  return trackerRows(view, width - LABEL).map(({ text, tone }, i) => (
    <Row key={text} label={i === 0 ? "trackers" : ""} text={text} tone={tone} />
  ));
}

/** What today comes to, over all sessions. */
function Today({ view }: { view: Pushed }) {
  const { width } = useBody();
  return <Row label="today" text={dotted(todayTexts(view), width - LABEL)} />;
}

const Week = memo(function Week({ view }: { view: Pushed }) {
  const { width } = useBody();
  const days = weekDays(view.today.week, view.today.date, view.today.date);
  return <Rows rows={labelled("week", bars(days, Math.min(WIDEST_BARS, width - LABEL)))} />;
});

/** What a body of that height has room for beside what is always there. */
function layout({ width, height }: Body, hasNote: boolean) {
  const roomy = height >= ROOMY;
  const tall = height >= TALL;
  // Times, keys, clicks, now, the line and its legend, the trackers.
  const always = 7;
  // Free rows after now, before the apps and before the trackers, and today's times.
  const more = roomy ? 4 : 1;
  const most = tall ? 4 + 1 + WEEK_ROWS + 1 : 0;
  const rows = height - always - more - most - (hasNote ? 1 : 0);
  return { roomy, tall, rows, width };
}

export type NowProps = {
  /** As it was pushed; the same object until the next push. */
  readonly view: Pushed;
  /** With its times brought up to this moment. */
  readonly now: Pushed;
  /** ms since it was pushed */
  readonly passed: number;
  readonly thumbnail: Thumbnail;
};

/** What is tracked now, and the day so far. */
export function NowPage({ view, now, passed, thumbnail }: NowProps) {
  const body = useBody();
  const { width } = body;
  const { note, shot } = view;
  const { roomy, tall, rows } = layout(body, note !== null);
  const picture = roomy && shot !== null ? pictureRoom(rows, width) : undefined;
  const forApps = picture ? width - picture.width - GAP : width;
  return (
    <>
      <Times view={now} />
      <Counts view={view} />
      <Row label="now" text={nowText(view, passed, width - LABEL)} />
      {note !== null && <Row label="note" text={note} />}
      {roomy && <Blank />}
      {roomy && <Today view={now} />}
      <DayLine view={view} marked={tall} />
      {roomy && <Blank />}
      <Box>
        <Apps view={view} rows={rows} width={forApps} />
        {picture && shot && <Picture shot={shot} thumbnail={thumbnail} {...picture} />}
      </Box>
      <Blank />
      {tall && <Week view={view} />}
      {tall && <Blank />}
      {tall ? <TrackerList view={view} /> : <Trackers view={view} />}
    </>
  );
}

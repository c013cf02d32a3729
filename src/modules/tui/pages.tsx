import { Text } from "ink";
import { memo, type RefObject, useLayoutEffect } from "react";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cells, cut } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";
import { useTick } from "../../kernel/tui/tick.ts";
import type { LogLine } from "../core/log-line.ts";
import { headText, type Layout, layoutOf, type RowText, rowOf, upOf } from "./table.ts";
import { detailTexts, dotted, lineTime, type ShownModule } from "./words.ts";

/** How many rows of the body there are for modules and for lines of a log. */
export type Room = { readonly modules: number; readonly lines: number };

/** The least that the log gets below the table, in rows. */
const LEAST_LINES = 4;

/** @param large whether the log has all the room that there is, but for the module that it is of */
function roomOf(height: number, modules: number, large: boolean): Room {
  // The head of the table, and that of the log.
  const rest = Math.max(2, height - 2);
  const shown = large ? 1 : Math.max(1, Math.min(modules, rest - LEAST_LINES));
  return { modules: shown, lines: rest - shown };
}

const Line = memo(function Line({ text, tone = "plain" }: { text: string; tone?: Tone }) {
  return (
    <Text wrap="truncate" {...tones[tone]}>
      {text === "" ? " " : text}
    </Text>
  );
});

// An element a row: Ink keeps what it has measured by its text, and most rows are what they were.

const Row = memo(function Row({ selected, ...row }: RowText & { selected: boolean }) {
  const { name, wanted, state, tone, dot, rest } = row;
  return (
    <Text wrap="truncate" {...tones[tone === "secondary" && !selected ? "secondary" : "plain"]}>
      <Text bold={selected} {...tones[selected ? "selected" : "plain"]}>
        {name}
      </Text>
      {wanted}
      <Text {...tones[tone]}>{state}</Text>
      <Text {...tones.failed}>{dot}</Text>
      {rest}
    </Text>
  );
});

/** The rows of the modules about the selected one, and how long they have been up by now. */
function Rows(props: {
  modules: readonly ShownModule[];
  selected: string | undefined;
  layout: Layout;
  now: () => number;
}) {
  const { modules, selected, layout, now } = props;
  useTick(() => modules.map((module) => upOf(module, now())).join(" "));
  const at = now();
  return modules.map((module) => {
    const { name } = module.row;
    const isSelected = name === selected;
    return <Row key={name} {...rowOf(module, layout, isSelected, at)} selected={isSelected} />;
  });
}

type PageProps = {
  /** Those that are looked for; all of them where nothing is. */
  readonly modules: readonly ShownModule[];
  /** Of all modules. */
  readonly names: readonly string[];
  /** The place of the selected one; -1: there is none. */
  readonly selected: number;
  readonly large: boolean;
  /** What is said in place of the modules where there is none. */
  readonly none: string;
  /** UTC ms, by the supervisor's clock. */
  readonly now: () => number;
  /** The lines of the log that fit in so many rows, and what there is to say of them. */
  readonly look: (rows: number) => { readonly lines: readonly LogLine[]; readonly note: string };
  /** Told the room that there is, for keys that move by a page. */
  readonly measured: RefObject<Room>;
};

/** `── camera · trial 3 ────────── 4 of 100 ──` */
function heading(name: string, details: readonly string[], note: string, width: number): string {
  const end = note === "" ? "" : ` ${note} ──`;
  const begin = `── ${dotted([name, ...details], width - cells(end) - 8)} `;
  return cut(begin + "─".repeat(Math.max(0, width - cells(begin) - cells(end))) + end, width);
}

/** The modules that there is room for, and below them the log of the selected one. */
export function Page(props: PageProps) {
  const { modules, names, selected, large, none, now, look, measured } = props;
  const { width, height } = useBody();
  const room = roomOf(height, modules.length, large);
  useLayoutEffect(() => {
    measured.current = room;
  });
  const layout = layoutOf(width, names);
  // In their midst, so that what comes before and after it is seen.
  const wished = large ? selected : selected - Math.floor(room.modules / 2);
  const first = Math.max(0, Math.min(wished, modules.length - room.modules));
  const module = modules[selected];
  const { lines, note } = look(room.lines);
  if (!module) return <Line text={cut(none, width)} tone="secondary" />;
  const { row } = module;
  const place = modules.length > room.modules && !large ? `${selected + 1} of ${modules.length}` : "";
  const today = Date.now();
  return (
    <>
      <Line text={cut(headText(layout), width)} tone="secondary" />
      <Rows
        modules={modules.slice(first, first + room.modules)}
        selected={row.name}
        layout={layout}
        now={now}
      />
      <Line
        text={heading(
          row.name,
          detailTexts(row),
          [note, place].filter((text) => text !== "").join(" · "),
          width,
        )}
        tone="secondary"
      />
      {lines.map(({ at, text, mark }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen, whatever stands in it
        <Line key={i} text={cut(`${lineTime(at, today)} ${text}`, width)} tone={mark ? "waiting" : "plain"} />
      ))}
      {lines.length === 0 && <Line text="no lines" tone="secondary" />}
    </>
  );
}

/** The modules as the rows of a table, in as many columns as there is room for. Pure. */
import { cells, cut, fit } from "../../kernel/tui/text.ts";
import type { Tone } from "../../kernel/tui/theme.ts";
import { hasProcess } from "../core/states.ts";
import { cpuText, lastText, memoryText, upText } from "../core/view.ts";
import { isWanted, moduleState, type ShownModule } from "./words.ts";

type Column = {
  readonly title: string;
  /** In cells; with `before` free ones to its left. */
  readonly width: number;
  readonly before: number;
  readonly align?: "right";
  /** @param now UTC ms */
  text(module: ShownModule, now: number): string;
};

const running = (module: ShownModule): boolean => module.told === "alive" && hasProcess(module.row.actual);

/** How long a module has been up; nothing where it isn't, or nobody knows. @param now UTC ms */
export const upOf = (module: ShownModule, now: number): string =>
  running(module) && module.row.started_at !== null ? upText(now - module.row.started_at) : "";

/** The widest that a state's word is: `restarting…`, `RECORDING ●`. */
const STATE_WIDTH = 11;

const COLUMNS = {
  wanted: {
    title: "WANTED",
    width: 6,
    before: 2,
    text: (module) => (isWanted(module) ? "on" : "off"),
  },
  state: { title: "STATE", width: STATE_WIDTH, before: 1, text: (module) => moduleState(module).text },
  pid: {
    title: "PID",
    // As long as the longest pid that Linux gives.
    width: 7,
    before: 1,
    align: "right",
    text: ({ row, told }) => (row.pid === null || told === "over" ? "" : String(row.pid)),
  },
  up: { title: "UP", width: 6, before: 1, align: "right", text: upOf },
  cpu: {
    title: "CPU",
    width: 6,
    before: 1,
    align: "right",
    text: (module) => (running(module) ? cpuText(module.row.cpu) : ""),
  },
  rss: {
    title: "RSS",
    width: 6,
    before: 1,
    align: "right",
    text: (module) => (running(module) ? memoryText(module.row.rss) : ""),
  },
  restarts: {
    title: "RESTARTS",
    width: 8,
    before: 1,
    align: "right",
    text: ({ row }) => (row.restarts > 0 || row.desired === "on" ? String(row.restarts) : ""),
  },
} as const satisfies Record<string, Column>;

type Name = keyof typeof COLUMNS;
const ORDER: readonly Name[] = ["wanted", "state", "pid", "up", "cpu", "rss", "restarts"];
/** What goes first where there isn't room for all. */
const DISPENSABLE: readonly Name[] = ["cpu", "rss", "restarts", "wanted", "pid", "up"];

/** The marker of the selected row. */
const MARKER = 2;
/** The least and most that names get, in cells, and the least that the last column does. */
const NAME = { least: 8, most: 24 };
const LAST = { least: 8, before: 2 };

/** What a table of some width has room for, in cells. */
export type Layout = { readonly columns: readonly Name[]; readonly name: number; readonly last: number };

/** @param names of all modules, so that columns stay where they are when it is scrolled */
export function layoutOf(width: number, names: readonly string[]): Layout {
  const widest = names.reduce((most, name) => Math.max(most, cells(name)), 4);
  const name = Math.min(widest, NAME.most, Math.max(NAME.least, Math.floor(width / 3)));
  const dropped = new Set<Name>();
  const room = () =>
    ORDER.filter((column) => !dropped.has(column)).reduce(
      (left, column) => left - COLUMNS[column].before - COLUMNS[column].width,
      width - MARKER - name - LAST.before,
    );
  for (const column of DISPENSABLE) {
    if (room() >= LAST.least) break;
    dropped.add(column);
  }
  return { columns: ORDER.filter((column) => !dropped.has(column)), name, last: Math.max(0, room()) };
}

const joined = (columns: readonly Name[], text: (column: Name) => string): string =>
  columns
    .map((name) => {
      const { width, before, align }: Column = COLUMNS[name];
      return " ".repeat(before) + fit(text(name), width, align);
    })
    .join("");

/** The titles of the columns. */
export const headText = (layout: Layout): string =>
  `${" ".repeat(MARKER)}${fit("NAME", layout.name)}${joined(layout.columns, (name) => COLUMNS[name].title)}${" ".repeat(LAST.before)}${fit("LAST", layout.last)}`.trimEnd();

/** A row in the parts that are drawn in tones of their own. */
export type RowText = {
  readonly name: string;
  readonly wanted: string;
  readonly state: string;
  readonly tone: Tone;
  /** Beside a state that records. */
  readonly dot: string;
  readonly rest: string;
};

/** @param now UTC ms */
export function rowOf(module: ShownModule, layout: Layout, selected: boolean, now: number): RowText {
  const { text, tone } = moduleState(module);
  const at = layout.columns.indexOf("state");
  const of = (columns: readonly Name[]) => joined(columns, (name) => COLUMNS[name].text(module, now));
  const dot = text === "RECORDING" ? " ●" : "";
  return {
    name: `${selected ? "▸" : " "} ${fit(module.row.name, layout.name)}`,
    wanted: of(layout.columns.slice(0, at)),
    state: `${" ".repeat(COLUMNS.state.before)}${text}`,
    tone,
    dot,
    rest: `${" ".repeat(Math.max(0, STATE_WIDTH - cells(text + dot)))}${of(layout.columns.slice(at + 1))}${" ".repeat(LAST.before)}${cut(lastText(module.row), layout.last)}`.trimEnd(),
  };
}

import { oneLine } from "./plain.ts";

/**
 * What `status --format` prints for bars and prompts: a line of text made from a state. It runs once a second in many a
 * bar, so it imports next to nothing.
 */

/** The formats that have a name. */
export const FORMATS = ["waybar", "tmux", "polybar", "i3blocks"] as const;

/** Always beside a word that says the same; `green` runs, `yellow` waits for the user, `grey` is alive no more. */
const COLOURS = {
  green: { tmux: "green", hex: "#5faf5f" },
  cyan: { tmux: "cyan", hex: "#5fafaf" },
  yellow: { tmux: "yellow", hex: "#d7af5f" },
  grey: { tmux: "colour245", hex: "#8a8a8a" },
} as const;

/** What a state reads as. Texts may hold anything: each is made one line, and escaped where it must be. */
export type Reading = {
  /** `24:12 write the report`; empty where nothing is to be shown. */
  text: string;
  /** It in the shortest way: `24:12`. */
  short: string;
  /** It in one word, for a stylesheet: `paused`. */
  mood: string;
  colour: keyof typeof COLOURS;
  /** More of it, a line each; those that are empty are left out. */
  tooltip: readonly string[];
  /** How much of it is done, in whole percent; left out where nothing is to be done. */
  percentage?: number;
};

/** How states of a feature are shown in bars. */
export type Bar<Shown> = {
  read(shown: Shown): Reading;
  /** What a template can name, by its name: small letters, `_` and `.`; what there isn't is empty. */
  readonly fields: Readonly<Record<string, (shown: Shown) => unknown>>;
  /** A template for those who ask: `{remaining} {task}`. */
  readonly example: string;
};

/**
 * The fields of a record, by their names.
 * @param prefix what is put before each name: `today.`
 */
export const fieldsOf = <Shown>(
  names: Readonly<Record<string, true>>,
  record: (shown: Shown) => Readonly<Record<string, unknown>>,
  prefix = "",
): Bar<Shown>["fields"] =>
  Object.fromEntries(Object.keys(names).map((name) => [prefix + name, (shown) => record(shown)[name]]));

/** A bar is short. */
const LONGEST_TITLE = 40;

/** A title in 40 characters at most. */
export function shortTitle(title: string): string {
  const characters = [...oneLine(title)];
  return characters.length <= LONGEST_TITLE
    ? characters.join("")
    : `${characters.slice(0, LONGEST_TITLE - 1).join("")}…`;
}

/** A literal brace, a field, or a brace that is neither. */
const PIECES = /\{\{|\}\}|\{([a-z_.]+)\}|[{}]/g;

/** What is wrong with a format that was asked for; undefined when nothing is. */
export function formatProblem<Shown>(
  format: string,
  { fields, example }: Bar<Shown>,
): { refused: string; hint: string } | undefined {
  if ((FORMATS as readonly string[]).includes(format)) return undefined;
  const hint = `the fields are ${Object.keys(fields).join(", ")}`;
  for (const [piece, field] of format.matchAll(PIECES)) {
    if (field !== undefined && !Object.hasOwn(fields, field)) {
      return { refused: `there is no field {${field}}`, hint };
    }
    if (piece.length === 1)
      return { refused: `'${format}' has a ${piece} too many: {{ and }} are braces`, hint };
  }
  if (/[{}]/.test(format)) return undefined;
  return {
    refused: `there is no format '${format}'`,
    hint: `${FORMATS.join(", ")}, or a template: '${example}'`,
  };
}

const template = <Shown>(text: string, { fields }: Bar<Shown>, shown: Shown): string =>
  text.replace(PIECES, (piece, field: string | undefined) =>
    field === undefined ? piece.slice(0, 1) : oneLine(String(fields[field]?.(shown) ?? "")),
  );

const MARKUP: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as Pango's markup has it. */
const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => MARKUP[character] ?? "");

/** A module with empty text is hidden, unless its own format shows an icon by `alt`. */
function waybar({ text, mood, tooltip, percentage }: Reading): string {
  const lines = tooltip.map(oneLine).filter((line) => line !== "");
  return JSON.stringify({
    text: escapeMarkup(oneLine(text)),
    alt: mood,
    tooltip: escapeMarkup(lines.join("\n")),
    class: mood,
    percentage,
  });
}

/** For `#(stint … status --format tmux)`: a doubled `#` is one. */
const tmux = ({ text, colour }: Reading): string =>
  `#[fg=${COLOURS[colour].tmux}]${oneLine(text).replaceAll("#", "##")}#[default]`;

/** It knows no way to write a literal `%{`: a space takes its meaning away. */
const polybar = ({ text, colour }: Reading): string =>
  `%{F${COLOURS[colour].hex}}${oneLine(text).replaceAll("%{", "% {")}%{F-}`;

/** Three lines: the text, a short one, the colour. A block whose text is empty is hidden. */
const i3blocks = ({ text, short, colour }: Reading): string =>
  [oneLine(text), oneLine(short), COLOURS[colour].hex].join("\n");

/**
 * A state in a format, without the line feed at its end.
 * @param name one of {@link FORMATS} or a template that {@link formatProblem} has nothing against
 */
export function format<Shown>(name: string, bar: Bar<Shown>, shown: Shown): string {
  switch (name) {
    case "waybar":
      return waybar(bar.read(shown));
    case "tmux":
    case "polybar":
    case "i3blocks": {
      const reading = bar.read(shown);
      return reading.text === "" ? "" : { tmux, polybar, i3blocks }[name](reading);
    }
    default:
      return template(name, bar, shown);
  }
}

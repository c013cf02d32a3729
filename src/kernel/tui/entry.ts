/** A line of text that is typed into a screen: what the keys do to it and how it is drawn. Pure. */
import { cells, characters, cut, oneRow } from "./text.ts";

/** What is asked for in one line. */
export type Entry = {
  /** A word or two, drawn before what is typed. */
  readonly label: string;
  /** What stands there already, to be changed. */
  readonly initial?: string;
  /** Called once: with what was typed as it is, or with undefined when it was given up. */
  done(text: string | undefined): void;
};

/** Opens a line for typing in place of the message; one that is open already is given up. */
export type Ask = (entry: Entry) => void;

/** What stands before and after the cursor. */
export type Line = { readonly before: string; readonly after: string };

/** A line with its cursor at the end. */
export const lineOf = (text: string): Line => ({ before: oneRow(text), after: "" });

/** Pasted text at the cursor: made one row, with nothing in it that a terminal would obey. */
export const paste = ({ before, after }: Line, text: string): Line => ({
  before: before + oneRow(text.replace(/^[\r\n]+|[\r\n]+$/g, "").replace(/\r\n/g, " ")),
  after,
});

const lastOf = (text: string): string => [...characters(text)].at(-1) ?? "";
const firstOf = (text: string): string => [...characters(text)][0] ?? "";

/** The line after a key, by its name in a keymap; a key that means nothing here leaves it as it is. */
export function edit(line: Line, key: string): Line {
  const { before, after } = line;
  switch (key) {
    case "space":
      return { before: `${before} `, after };
    case "backspace":
      return { before: before.slice(0, before.length - lastOf(before).length), after };
    case "delete":
      return { before, after: after.slice(firstOf(after).length) };
    case "left": {
      const passed = lastOf(before);
      return { before: before.slice(0, before.length - passed.length), after: passed + after };
    }
    case "right": {
      const passed = firstOf(after);
      return { before: before + passed, after: after.slice(passed.length) };
    }
    case "home":
    case "ctrl+a":
      return { before: "", after: before + after };
    case "end":
    case "ctrl+e":
      return { before: before + after, after: "" };
    case "ctrl+u":
      return { before: "", after };
    case "ctrl+w":
      return { before: before.replace(/\S*\s*$/u, ""), after };
  }
  // Every other name of one character is what was typed; longer ones are keys.
  const typed = [...characters(key)].length === 1 && oneRow(key) === key;
  return typed ? { before: before + key, after } : line;
}

/** The end of a text in at most `width` cells; what doesn't fit is a `…` at its start. */
function tail(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = "";
  for (const character of [...characters(text)].reverse()) {
    if (cells(character + kept) > width - 1) break;
    kept = character + kept;
  }
  return `…${kept}`;
}

/**
 * The line as one row of at most `width` cells, the part around the cursor when it is longer. The cursor is a
 * character, `▏`: it is seen without colours too.
 */
export function entryRow(label: string, { before, after }: Line, width: number): string {
  const head = `${cut(label, Math.floor(width / 2))}: `;
  const room = width - cells(head) - 1;
  const shown = tail(before, room - Math.min(cells(after), Math.floor(room / 3)));
  return `${head}${shown}▏${cut(after, room - cells(shown))}`;
}

import { Text } from "ink";
import { memo } from "react";
import { cells, cut } from "../../kernel/tui/text.ts";
import { type Tone, tones } from "../../kernel/tui/theme.ts";

/** A row of a list. Ink keeps what it has measured by its text, and most rows are what they were. */
export const Line = memo(function Line({ text, tone = "plain" }: { text: string; tone?: Tone }) {
  return (
    <Text wrap="truncate" {...tones[tone]}>
      {text === "" ? " " : text}
    </Text>
  );
});

/** `── trades · newest first ────────── 4 of 100 ──` */
export function heading(name: string, note: string, width: number): string {
  const end = note === "" ? "" : ` ${note} ──`;
  const begin = cut(`── ${name} `, Math.max(0, width - cells(end)));
  return cut(begin + "─".repeat(Math.max(0, width - cells(begin) - cells(end))) + end, width);
}

/** The first of `rows` lines that are shown so that line `at` is among them, in their midst where it can be. */
export const firstShown = (at: number, count: number, rows: number): number =>
  Math.max(0, Math.min(at - Math.floor(rows / 2), count - rows));

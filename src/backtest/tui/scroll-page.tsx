import { useBody } from "../../kernel/tui/screen.tsx";
import { cut } from "../../kernel/tui/text.ts";
import type { Tone } from "../../kernel/tui/theme.ts";
import { heading, Line } from "./list.tsx";

/** A line of a page that is read. */
export type PageLine = { readonly text: string; readonly tone?: Tone };

/** How many lines a body of that height has room for, below the heading. */
export const scrollRows = (height: number): number => height - 1;

/** Lines below a heading, from the line `first` on. */
export function ScrollPage(props: { title: string; lines: readonly PageLine[]; first: number }) {
  const { title, lines, first } = props;
  const { width, height } = useBody();
  const rows = scrollRows(height);
  const from = Math.max(0, Math.min(first, lines.length - rows));
  const shown = lines.slice(from, from + rows);
  const note = lines.length > rows ? `${from + 1}–${from + shown.length} of ${lines.length}` : "";
  return (
    <>
      <Line text={heading(title, note, width)} tone="secondary" />
      {shown.map(({ text, tone = "plain" }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen, whatever stands in it
        <Line key={at} text={cut(text, width)} tone={tone} />
      ))}
    </>
  );
}

import { Text } from "ink";
import { progressBar } from "./charts.ts";
import { useBody } from "./screen.tsx";
import { cells, cut, fit } from "./text.ts";
import { type Tone, tones } from "./theme.ts";

/**
 * One row: a dim label in `labelWidth` cells, then the value, cut to the body's width.
 * Rows below each other share a `labelWidth`.
 */
export function Field(props: { label: string; value: string; tone?: Tone; labelWidth?: number }) {
  const { label, value, tone = "plain", labelWidth = 9 } = props;
  const { width } = useBody();
  return (
    <Text>
      <Text {...tones.secondary}>{fit(label, labelWidth)}</Text>
      <Text {...tones[tone]}>{cut(value, width - labelWidth)}</Text>
    </Text>
  );
}

/** One row: how much of it is done (0…1), as a bar that leaves room for the words behind it. */
export function Progress({ fraction, text }: { fraction: number; text: string }) {
  const { width } = useBody();
  const words = cut(`  ${text}`, width);
  const bar = progressBar(fraction, width - cells(words));
  const done = bar.replace(/─+$/, "");
  return (
    <Text>
      {done}
      <Text {...tones.secondary}>{bar.slice(done.length)}</Text>
      {words}
    </Text>
  );
}

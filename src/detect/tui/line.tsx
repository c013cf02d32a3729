import { Text } from "ink";
import { memo } from "react";
import { type Tone, tones } from "../../kernel/tui/theme.ts";

/** A row of the body. Ink keeps what it has measured by its text, and most rows are what they were. */
export const Line = memo(function Line({ text, tone = "plain" }: { text: string; tone?: Tone }) {
  return (
    <Text wrap="truncate" {...tones[tone]}>
      {text === "" ? " " : text}
    </Text>
  );
});

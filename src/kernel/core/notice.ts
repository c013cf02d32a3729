/** A desktop notification: a line of plain text, and a body in the markup that notifications have. */
export type Notice = { title: string; body: string };

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string =>
  text.replace(/\p{Cc}+/gu, " ").replace(/[&<>]/g, (character) => ENTITIES[character] ?? "");

/** A body whose lines are shown as they stand, whatever markup they look like; what there isn't is left out. */
export const bodyOf = (...lines: (string | null)[]): string =>
  lines
    .filter((line): line is string => line !== null && line !== "")
    .map(escaped)
    .join("\n");

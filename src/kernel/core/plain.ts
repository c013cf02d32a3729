/** Text from outside as it may be shown and kept: titles come from anywhere. */

/** On one line, with nothing in it that a terminal or a bar would obey. */
export const oneLine = (text: string): string =>
  text.toWellFormed().replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu, " ");

/** On one line, without space around it. */
export const plain = (text: string): string => oneLine(text).trim();

/** Tags as all formats can carry them: a comma parts two. */
export const plainTags = (tags: readonly string[]): string[] =>
  tags
    .flatMap((tag) => tag.split(","))
    .map(plain)
    .filter((tag) => tag !== "");

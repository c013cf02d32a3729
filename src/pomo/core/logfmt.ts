/**
 * logfmt, as go-logfmt has it: `key=value key="a value"`, where what is quoted has JSON's escapes.
 */

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "'": "'",
  "\\": "\\",
  "/": "/",
};

/** A line of logfmt without its newline; pairs whose value is empty are left out. */
export const writeLogfmt = (pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs)
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key}=${/[ ="]|\p{Cc}|^null$/u.test(value) ? JSON.stringify(value) : value}`)
    .join(" ");

/** Reads a line of logfmt; a key alone has an empty value. @returns what is wrong with it when it is none */
export function readLogfmt(line: string): Map<string, string> | string {
  const pairs = new Map<string, string>();
  const pair = /[ \t]*([^ \t="]+)(?:=("(?:[^"\\]|\\.)*"|[^ \t="]*))?/y;
  const text = line.trim();
  for (let at = 0; at < text.length; at = pair.lastIndex) {
    pair.lastIndex = at;
    const [, key, value = ""] = pair.exec(text) ?? [];
    if (key === undefined) return unreadable(text.slice(at).trim());
    const known = value.startsWith('"') ? unquote(value) : value;
    if (known === undefined) return `${key} has an escape that isn't known`;
    pairs.set(key, known);
  }
  return pairs;
}

const unreadable = (rest: string): string =>
  rest.startsWith('"')
    ? "a quote that isn't closed, or where none can be"
    : `'${rest[0]}' where a key should be`;

/** The text of a quoted value; undefined when an escape in it isn't known. */
function unquote(quoted: string): string | undefined {
  let sound = true;
  const text = quoted.slice(1, -1).replace(/\\(?:u([\da-f]{4})|(.))/gi, (_, code?: string, letter = "") => {
    const known = code === undefined ? ESCAPES[letter] : String.fromCharCode(Number.parseInt(code, 16));
    sound &&= known !== undefined;
    return known ?? "";
  });
  return sound ? text : undefined;
}

import { Wrong } from "../../../kernel/exchange.ts";
import type { Place } from "./format.ts";

/** Where something stands in a text of JSON, which the runtime's parser doesn't tell. */

/** What is wrong with a record of a file. */
export function wrongAt(text: string, at: Place, what: string): Wrong {
  if (typeof at === "number") return new Wrong(at, what);
  const way = at.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return new Wrong(jsonLine(text, at), way === "" ? what : `${way.replace(/^\./, "")}: ${what}`);
}

/** All of a JSON text. @throws Wrong at the line that isn't JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Wrong(jsonLine(text), "it isn't JSON");
  }
}

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\p{Cc}]+|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * The line, from 1, on which the value at a path begins; of a text that isn't JSON, the first one that can't be read.
 * Without a path the whole text is read, so that only its fault is found.
 */
function jsonLine(text: string, path?: readonly (string | number)[]): number {
  let at = 0;
  const read = (token: RegExp): string | undefined => {
    token.lastIndex = at;
    const [found] = token.exec(text) ?? [];
    if (found !== undefined) at += found.length;
    return found;
  };
  const take = (sign: string): boolean => {
    read(BLANK);
    if (text[at] !== sign) return false;
    at++;
    return true;
  };
  /** What is open around `at`: the number of the element, or the name of the member. */
  const open: { end: "]" | "}"; step: string | number }[] = [];
  const isThere = () =>
    path !== undefined && open.length === path.length && open.every(({ step }, i) => step === path[i]);
  /** Reads a member's name. */
  const name = (): boolean => {
    read(BLANK);
    const quoted = read(STRING);
    const last = open.at(-1);
    if (quoted === undefined || !last) return false;
    last.step = JSON.parse(quoted) as string;
    return take(":");
  };
  /** Goes to the next value, which is to begin here. @returns false where there is none, or the text is wrong */
  const value = (): boolean => {
    read(BLANK);
    if (isThere()) return false;
    if (take("[")) {
      if (take("]")) return next();
      open.push({ end: "]", step: 0 });
      return true;
    }
    if (take("{")) {
      if (take("}")) return next();
      open.push({ end: "}", step: "" });
      return name();
    }
    const scalar = text[at] === '"' ? read(STRING) : read(SCALAR);
    return scalar !== undefined && next();
  };
  /** After a value: what follows it. */
  const next = (): boolean => {
    for (;;) {
      const last = open.at(-1);
      if (!last) return false;
      if (take(",")) {
        if (last.end === "}") return name();
        last.step = Number(last.step) + 1;
        return true;
      }
      if (!take(last.end)) return false;
      open.pop();
    }
  };
  while (value());
  return text.slice(0, at).split("\n").length;
}

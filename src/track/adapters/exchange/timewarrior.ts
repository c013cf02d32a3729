import { lines, Wrong } from "../../../kernel/exchange.ts";
import type { Draft, Format, Place, SpanRecord } from "./format.ts";
import { parseJson, wrongAt } from "./json-place.ts";

/**
 * Timewarrior's data lines, as in the files of its `data` folder, a month each:
 *
 * ```
 * inc 20260614T080000Z - 20260614T093000Z # "on site" project:acme # "a note"
 * ```
 *
 * and the JSON that `timew export` prints. It has intervals of work alone, with tags but no projects: a project is the
 * tag `project:NAME`. Its times are whole seconds: milliseconds are cut off, of the end as of the start, so that spans
 * that follow each other still do. Tags have no order there, and are written in that in which it sorts them.
 */

const PROJECT = "project:";
/**
 * A tag that would be read as a project gets `tag:` before it, and so does one that had it. `#` alone ends the tags,
 * even quoted.
 */
const GUARDED = /^(?:tag:)*(?:project:|#$)/;
const guarded = (tag: string): string => (GUARDED.test(tag) ? `tag:${tag}` : tag);
const unguarded = (tag: string): string =>
  tag.startsWith("tag:") && GUARDED.test(tag) ? tag.slice("tag:".length) : tag;

/** Without quotes Timewarrior's lexer would part `10h` or `2026-01-01`: only what begins as a word does stands bare. */
const quoted = (text: string): string =>
  /^[\p{L}_][\p{L}\p{N}_.:@-]*$/u.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;

const second = (ms: number): number => Math.floor(ms / 1000) * 1000;
/** `20260614T080000Z` */
const stamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const timewarrior: Format = {
  holds: ({ kind, started_at, ended_at }) => kind === "work" && second(ended_at) > second(started_at),
  lacks: "Timewarrior has work alone, of a second at least",
  *write({ spans }) {
    for (const { project, tags, note, started_at, ended_at } of spans) {
      const all = [...(project === null ? [] : [`${PROJECT}${project}`]), ...tags.map(guarded)];
      const words = [...new Set(all)].sort(bytewise).map(quoted);
      const tagged = words.length > 0 || note !== null ? ` # ${words.join(" ")}`.trimEnd() : "";
      const annotated = note === null ? "" : ` # "${note.replace(/[\\"]/g, "\\$&")}"`;
      yield `inc ${stamp(started_at)} - ${stamp(ended_at)}${tagged}${annotated}\n`;
    }
  },
  *read(text) {
    if (/^\s*\[/.test(text)) yield* readJson(text);
    else
      for (const [line, each] of lines(text)) {
        const drafted = readLine(each, line);
        if (typeof drafted === "string") throw new Wrong(line, drafted);
        yield drafted;
      }
  },
};

type Interval = { start: string; end: string | undefined; tags: readonly string[]; annotation: string };

/** An interval of theirs as one of ours, what it is left out for, or what is wrong with it. */
function draft({ start, end, tags, annotation }: Interval, at: Place): Draft | string {
  const started_at = instant(start);
  const ended_at = end === undefined ? undefined : instant(end);
  if (Number.isNaN(started_at)) return `'${start}' isn't a time as 20260614T080000Z`;
  if (ended_at === undefined) return { at, skip: "what isn't over yet" };
  if (Number.isNaN(ended_at)) return `'${end}' isn't a time as 20260614T080000Z`;
  if (started_at === ended_at) return { at, skip: "intervals without a length" };
  const named = tags.find((tag) => tag.startsWith(PROJECT) && tag !== PROJECT);
  const fields: Partial<SpanRecord> = {
    kind: "work",
    project: named === undefined ? null : named.slice(PROJECT.length),
    tags: tags.filter((tag) => tag !== named).map(unguarded),
    note: annotation,
    started_at,
    ended_at,
  };
  return { at, type: "span", fields, coarse: true };
}

/** UTC ms, NaN for what is no time. */
function instant(text: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function readLine(text: string, line: number): Draft | string {
  const tokens = [...text.matchAll(/"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+)/g)].map(([, inner, bare]) => ({
    text: inner === undefined ? (bare ?? "") : unescaped(inner),
    bare: inner === undefined,
  }));
  const words = tokens.map((token) => (token.bare ? token.text : undefined));
  const [keyword, start] = words;
  if (keyword !== "inc" || start === undefined || start === "#") {
    return "it isn't an interval, as inc 20260614T080000Z - 20260614T093000Z # tag";
  }
  const end = words[2] === "-" ? words[3] : undefined;
  const after = words[2] === "-" ? 4 : 2;
  if ((words[2] === "-" && end === undefined) || (tokens.length > after && words[after] !== "#")) {
    return "what follows its times isn't # and tags";
  }
  const rest = tokens.slice(after + 1);
  const parted = rest.findIndex(({ text, bare }) => bare && text === "#");
  const texts = rest.map((token) => token.text);
  const tags = parted < 0 ? texts : texts.slice(0, parted);
  return draft({ start, end, tags, annotation: parted < 0 ? "" : texts.slice(parted + 1).join(" ") }, line);
}

/** What was quoted, with the escapes of JSON. */
const unescaped = (inner: string): string =>
  inner.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex?: string, sign = "") =>
    hex === undefined
      ? ({ n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" }[sign as string] ?? sign)
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );

function* readJson(text: string): Generator<Draft> {
  for (const [i, each] of (parseJson(text) as unknown[]).entries()) {
    const at = [i];
    const { start, end, tags = [], annotation = "" } = (each ?? {}) as { [name: string]: unknown };
    const sound =
      typeof start === "string" &&
      (end === undefined || typeof end === "string") &&
      Array.isArray(tags) &&
      tags.every((tag) => typeof tag === "string") &&
      typeof annotation === "string";
    const drafted = sound
      ? draft({ start, end, tags, annotation }, at)
      : 'it isn\'t an interval as {"start":"20260614T080000Z","end":"20260614T093000Z","tags":["a"]}';
    if (typeof drafted === "string") throw wrongAt(text, at, drafted);
    yield drafted;
  }
}

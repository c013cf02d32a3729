import { milliseconds } from "../../kernel/core/duration.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { isModuleName, type ModuleConfig, RESTARTS, type Ready, STOP_SIGNALS } from "./module.ts";

/**
 * `config.txt` of a module: `key = value` a line. `#` begins a comment at the beginning of a line or after a blank. A
 * value may stand in "" or '', where `#` is a letter like any other; `command` is split into words as a shell does.
 */

/** Something wrong with a file. `line` is undefined for what isn't in it. */
export type Problem = { readonly line: number | undefined; readonly text: string; readonly hint?: string };

/** Past so many nobody reads on. */
const MOST_PROBLEMS = 100;

/** A module's name, and its folder, absolute. */
type Place = { readonly name: string; readonly folder: string };
type Part = Partial<ModuleConfig>;

/** A value that is none for its key. */
class Wrong extends Error {
  readonly hint: string | undefined;

  constructor(text: string, hint?: string) {
    super(text);
    this.hint = hint;
  }
}

/** Reads a value that has to be there. */
const value =
  (read: (text: string, at: Place) => Part) =>
  (rest: string, at: Place): Part => {
    const text = valueText(rest);
    if (text === "") throw new Wrong("there is no value");
    return read(text, at);
  };

/** What each key says, from what follows its `=`. */
const KEYS: ReadonlyMap<string, (rest: string, at: Place) => Part> = new Map([
  ["enabled", value((text) => ({ enabled: yesOrNo(text) }))],
  ["command", (rest: string): Part => ({ command: commandOf(rest) })],
  ["cwd", value((text, { folder }) => ({ cwd: cwdOf(text, folder) }))],
  ["stop_signal", value((text) => ({ stopSignal: signal(text) }))],
  ["start_deadline", value((text) => ({ startDeadline: between("100ms", "1h", text) }))],
  ["stop_deadline", value((text) => ({ stopDeadline: between("100ms", "1h", text) }))],
  ["restart", value((text) => ({ restart: choice(RESTARTS, text) }))],
  ["depends_on", value((text, { name }) => ({ dependsOn: names(text, name) }))],
  ["ready", value((text) => ({ ready: readyOf(text) }))],
  ["resume_recording", value((text) => ({ resumeRecording: yesOrNo(text) }))],
  ["watchdog", value((text) => ({ watchdog: text === "off" ? undefined : between("1s", "24h", text) }))],
]);

/** What holds where a file says nothing. No command does: the module's name stands for it. @param folder absolute */
export const bareConfig = (name: string, folder: string): ModuleConfig => ({
  name,
  enabled: true,
  command: [name],
  cwd: folder,
  env: {},
  stopSignal: "SIGTERM",
  startDeadline: 30_000,
  stopDeadline: 10_000,
  restart: "no",
  dependsOn: [],
  ready: { by: "event" },
  resumeRecording: false,
  watchdog: undefined,
});

/** A file, read. */
export type Parsed = {
  /** There when there are no problems. */
  readonly config?: ModuleConfig;
  /** Whether a fresh start would run it, whatever else is wrong; undefined where just that can't be read. */
  readonly enabled: boolean | undefined;
  /** None of them repeats what stands in `command` or `env.NAME`, which may be a secret: they are logged and shown. */
  readonly problems: Problem[];
  /** Where each key stands. */
  readonly lines: ReadonlyMap<string, number>;
};

/** Reads the text of a file. */
export function parseConfig(text: string, at: Place): Parsed {
  const problems: Problem[] = [];
  const lines = new Map<string, number>();
  const env: [string, string][] = [];
  let parts: Part = {};
  for (const { line, key, rest } of settingsIn(text.replace(/^\ufeff/, ""))) {
    const wrong = (text: string, hint?: string) =>
      problems.push({ line, text, ...(hint === undefined ? {} : { hint }) });
    if (problems.length === MOST_PROBLEMS) break;
    const read = KEYS.get(key);
    if (rest === undefined) {
      // Anything but a key may be a value, or a part of one.
      const known = KEYS.has(key) || key.startsWith("env.");
      wrong(`${known ? quoted(key) : "it"} isn't of the form key = value`);
    } else if (lines.has(key)) wrong(`${short(key)} is set in line ${lines.get(key)} already`);
    else if (!read && !key.startsWith("env.")) {
      const all = [...KEYS.keys()];
      wrong(
        `there is no key ${quoted(key)}`,
        didYouMean(key, all) ?? `there are ${all.join(", ")}, env.NAME`,
      );
    } else {
      lines.set(key, line);
      try {
        if (/(?!\t)\p{Cc}/u.test(rest)) throw new Wrong("there is a control character in it");
        if (read) parts = { ...parts, ...read(rest, at) };
        else env.push([variable(key.slice(4)), valueText(rest)]);
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        wrong(`${short(key)}: ${error.message}`, error.hint);
      }
    }
  }
  const { command } = parts;
  // On is what it is by itself, unless the rest of the file wasn't read.
  const enabled = lines.has("enabled") || problems.length === MOST_PROBLEMS ? parts.enabled : true;
  if (command === undefined && !lines.has("command")) {
    const hint = "the program and its arguments: command = ffmpeg -i /dev/video0 out.mkv";
    problems.push({ line: undefined, text: "command isn't set", hint });
  }
  if (command === undefined || problems.length > 0) return { enabled, problems, lines };
  const config = { ...bareConfig(at.name, at.folder), ...parts, command, env: Object.fromEntries(env) };
  return { config, enabled, problems, lines };
}

/**
 * Says in a `config.txt` whether its module is enabled. Every other byte stays as it is, whatever it may be, and the word
 * is of the kind that it was: `no` becomes `yes`, `OFF` becomes `ON`.
 * @returns the very same array when it says so already
 */
export function setEnabled(bytes: Uint8Array, enabled: boolean): Uint8Array {
  const from = [0xef, 0xbb, 0xbf].every((byte, at) => bytes[at] === byte) ? 3 : 0;
  // One character for each byte, so that a place in the text is a place in the file.
  const text = new TextDecoder("latin1").decode(bytes.subarray(from));
  const put = (start: number, end: number, words: string) => {
    const [before, after] = [bytes.subarray(0, from + start), bytes.subarray(from + end)];
    return Buffer.concat([before, Buffer.from(words), after]);
  };
  for (const { key, rest, at } of settingsIn(text)) {
    if (key !== "enabled" || rest === undefined) continue;
    const span = spanOf(rest);
    // Nothing is there, or nothing that could be kept.
    if (!span || span.end === 0) return put(at, at + (span ? 0 : rest.length), ` ${enabled}`);
    const word = rest.slice(span.start, span.end);
    return flag(word) === enabled ? bytes : put(at + span.start, at + span.end, alike(word, enabled));
  }
  if (enabled) return bytes;
  const newline = /\r?\n/.exec(text)?.[0] ?? "\n";
  const open = text !== "" && !text.endsWith("\n");
  return put(text.length, text.length, `${open ? newline : ""}enabled = false${newline}`);
}

/**
 * The lines that say something. `at` is where `rest`, what follows `=`, begins. A line that isn't of the form has no rest,
 * and for its key what may be one.
 */
function* settingsIn(text: string): Generator<{ line: number; key: string; rest?: string; at: number }> {
  let start = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const said = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const [whole, key] = /^[ \t]*([\p{L}\p{N}_.-]+)[ \t]*=/u.exec(said) ?? [];
    if (whole !== undefined && key !== undefined) {
      yield { line: index + 1, key, rest: said.slice(whole.length), at: start + whole.length };
    } else if (/^[ \t]*[^ \t#]/.test(said)) {
      const [, key = ""] = /^[ \t]*([a-z_]*(?:\.\w*)?)/.exec(said) ?? [];
      yield { line: index + 1, key, at: start };
    }
    start += raw.length + 1;
  }
}

/** Where the value is in what follows `=`, without its quotes and a comment; undefined when its quotes aren't right. */
function spanOf(rest: string): { start: number; end: number } | undefined {
  const start = rest.search(/[^ \t]/);
  const quote = rest[start];
  if (quote === '"' || quote === "'") {
    const end = rest.indexOf(quote, start + 1);
    const ends = end > 0 && /^(?:$|[ \t]+(?:$|#))/.test(rest.slice(end + 1));
    return ends ? { start: start + 1, end } : undefined;
  }
  const comment = rest.search(/(?<=[ \t])#/);
  let end = comment < 0 ? rest.length : comment;
  while (end > 0 && /[ \t]/.test(rest.charAt(end - 1))) end--;
  return { start: end === 0 ? 0 : start, end };
}

function valueText(rest: string): string {
  const span = spanOf(rest);
  if (!span) throw new Wrong("a quote that doesn't end, or ends before the value does");
  return rest.slice(span.start, span.end);
}

/** One part of a command: blanks, '…', "…", a letter after a backslash, or letters. */
const PIECE =
  /(?<blank>[ \t]+)|'(?<single>[^']*)'|"(?<double>[^"\\]*(?:\\.[^"\\]*)*)"|\\(?<escaped>.)|(?<bare>[^ \t'"\\]+)/suy;

/** Splits a command as sh(1) does, but expands nothing. */
function commandOf(rest: string): readonly [string, ...string[]] {
  const words: string[] = [];
  let word: string | undefined;
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < rest.length) {
    const at = PIECE.lastIndex;
    if (word === undefined && at > 0 && rest[at] === "#") break;
    const piece = PIECE.exec(rest)?.groups;
    if (!piece) {
      throw rest[at] === "\\"
        ? new Wrong("nothing follows the backslash", "a command stands on one line")
        : new Wrong(`the quote ${rest[at]} doesn't end`, `\\${rest[at]} is the letter itself`);
    }
    const { blank, single, double, escaped, bare } = piece;
    if (blank === undefined) {
      word = (word ?? "") + (single ?? double?.replace(/\\([$`"\\])/g, "$1") ?? escaped ?? bare ?? "");
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (!program) throw new Wrong("there is no program");
  const [, set] = /^([A-Za-z_]\w*)=/.exec(program) ?? [];
  if (set !== undefined)
    throw new Wrong("it begins with a variable, not a program", `env.${set} = … sets it`);
  return [program, ...args];
}

/** Text of the file as a message shows it. */
const short = (text: string): string => oneLine(text.length > 60 ? `${text.slice(0, 60)}…` : text);
const quoted = (text: string): string => `'${short(text)}'`;

const FLAGS: readonly (readonly [yes: string, no: string])[] = [
  ["true", "false"],
  ["yes", "no"],
  ["on", "off"],
  ["1", "0"],
];

function flag(text: string): boolean | undefined {
  const pair = FLAGS.find((words) => words.includes(text.toLowerCase()));
  return pair && pair[0] === text.toLowerCase();
}

function yesOrNo(text: string): boolean {
  const said = flag(text);
  if (said === undefined) throw new Wrong(`${quoted(text)} is neither true nor false`);
  return said;
}

/** The word for true or false that goes with the one that is there. */
function alike(word: string, enabled: boolean): string {
  const [yes, no] = FLAGS.find((pair) => pair.includes(word.toLowerCase())) ?? ["true", "false"];
  const other = enabled ? yes : no;
  if (word === word.toLowerCase()) return other;
  return word === word.toUpperCase()
    ? other.toUpperCase()
    : other.replace(/^./, (letter) => (/^[A-Z]/.test(word) ? letter.toUpperCase() : letter));
}

function between(least: string, most: string, text: string): number {
  const ms = milliseconds(text);
  if (ms === undefined || ms < (milliseconds(least) ?? 0) || ms > (milliseconds(most) ?? 0)) {
    throw new Wrong(`${quoted(text)} isn't a duration from ${least} to ${most}`, "as in 500ms, 10s or 1m30s");
  }
  return ms;
}

function choice<Word extends string>(words: readonly Word[], text: string): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) {
    throw new Wrong(`${quoted(text)} is none of ${words.join(", ")}`, didYouMean(text, words));
  }
  return found;
}

const signal = (text: string) =>
  choice(STOP_SIGNALS, text.toUpperCase().replace(/^(?!SIG)/, "SIG") as string);

/** `..` in it is left to the system. */
function cwdOf(text: string, folder: string): string {
  if (/^~(\/|$)/.test(text)) throw new Wrong("~ is no folder here", "the whole path, from /");
  if (text.startsWith("/")) return text;
  return text === "." ? folder : `${folder}/${text}`;
}

function variable(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Wrong(`${quoted(name)} isn't a name of a variable`);
  if (name.startsWith("STINT_")) throw new Wrong("what begins with STINT_ is stint's own");
  return name;
}

function names(text: string, own: string): string[] {
  const all = [...new Set(text.split(/[ \t,]+/).filter((name) => name !== ""))];
  const bad = all.find((name) => !isModuleName(name));
  if (bad !== undefined) throw new Wrong(`${quoted(bad)} isn't a name of a module`);
  if (all.includes(own)) throw new Wrong(`${own} can't depend on itself`);
  return all;
}

function readyOf(text: string): Ready {
  if (text === "event") return { by: "event" };
  const pattern = /^pattern:(.+)$/su.exec(text)?.[1] ?? /^\/(.+)\/$/su.exec(text)?.[1];
  if (pattern !== undefined) return { by: "pattern", pattern: regular(pattern) };
  const port = /^tcp:(\d{1,5})$/.exec(text)?.[1];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) {
    return { by: "tcp", port: Number(port) };
  }
  const url = text.replace(/^http:(?!\/\/)/, "");
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return { by: "http", url };
  const ms = milliseconds(text);
  if (ms !== undefined && ms <= 3_600_000) return { by: "time", ms };
  throw new Wrong(
    `${quoted(text)} doesn't say how it is known to be ready`,
    "event, pattern:REGEX, tcp:PORT, http://…, or how long it has to stay up, at most 1h",
  );
}

function regular(pattern: string): string {
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    throw new Wrong(`${quoted(pattern)} isn't a regular expression: ${(error as Error).message}`);
  }
  return pattern;
}

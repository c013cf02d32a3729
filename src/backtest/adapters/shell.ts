import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isatty } from "node:tty";
import { listSessions } from "../../kernel/checkpoint.ts";
import { COMMON, type CommandSpec, type Context, runCommand } from "../../kernel/command.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { stateFolder } from "../../kernel/paths.ts";
import { saveFile } from "../../kernel/save.ts";
import { findHosts } from "../../kernel/seat.ts";
import { readStore } from "../../kernel/store.ts";
import { backtestCommand } from "../cli.ts";
import { builtins } from "../core/engine/strategies.ts";
import { splitWords } from "../core/words.ts";

/** `stint backtest shell`: the words of `stint backtest`, a line each, worked in this process. */

const PROMPT = "stint> ";
/** Lines of history that are kept, and ids that are offered. */
const KEPT = 1000;
const OFFERED = 50;

const root: CommandSpec = { usage: "stint", summary: "", commands: [backtestCommand] };
const nameOf = ({ usage }: CommandSpec): string => usage.split(" ")[0] ?? "";
const among = (specs: readonly CommandSpec[] | undefined, name: string | undefined) =>
  specs?.find((spec) => nameOf(spec) === name);
const system = among(backtestCommand.commands, "system")?.commands ?? [];
/** What can be said with or without `system` before it, and what else. A run begun here goes on in the background. */
const words: readonly CommandSpec[] = [
  ...system,
  ...(backtestCommand.commands ?? []).filter(
    (spec) => !/^(run|shell|system)$/.test(nameOf(spec)) && !among(system, nameOf(spec)),
  ),
];
const withoutSystem = (line: readonly string[]): readonly string[] =>
  line[0] === "system" && among(system, line[1]) ? line.slice(1) : line;

/** @returns 0 from a terminal; from a pipe what the last line that failed would have exited with */
export async function shell(context: Context): Promise<number> {
  const { output, profile, argv } = context;
  // Of the lines too, and of the hosts that they launch.
  process.env["STINT_PROFILE"] = profile;
  const manner = argv.filter((word) => /^--(json|quiet|verbose|no-color)$/.test(word));
  const session = new Session(context, manner);
  if (isatty(0) && output.terminal) return interactive(context, session);
  let code: number = Exit.ok;
  for await (const line of createInterface({ input: process.stdin })) {
    const came = await session.work(line);
    if (came === undefined) break;
    if (came !== Exit.ok) code = came;
  }
  return code;
}

/** What is remembered from line to line. */
class Session {
  readonly #context: Context;
  readonly #manner: readonly string[];
  /** The run that was begun last: what a line without an id is about. */
  #current: string | undefined;

  /** @param manner flags that each line is given */
  constructor(context: Context, manner: readonly string[]) {
    this.#context = context;
    this.#manner = manner;
  }

  /** Works a line; a failure is told. @returns its exit code, undefined when the shell is to end */
  async work(line: string): Promise<number | undefined> {
    const { output } = this.#context;
    try {
      const said = splitWords(line);
      if (!said) throw new Expected(Exit.usage, "a quote isn't closed");
      // As it is told in help and hints, and so often pasted.
      if (said[0] === "stint" && said[1] === "backtest") said.splice(0, 2);
      const [first = "#", second] = said;
      if (first.startsWith("#")) return Exit.ok;
      if (first === "exit" || first === "quit") return undefined;
      if (first === "help" && second === undefined) {
        output.text(help());
        return Exit.ok;
      }
      return await this.#run(first === "help" ? [...said.slice(1), "--help"] : said);
    } catch (error) {
      output.failure(error);
      return error instanceof Expected ? error.exit : Exit.internal;
    }
  }

  async #run(said: readonly string[]): Promise<number> {
    const word = said[0] === "system" ? said[1] : said[0];
    if (word && !/^(run|shell|-.*)$/.test(word) && !among(words, word)) {
      const hint = didYouMean(word, words.map(nameOf)) ?? "help";
      throw new Expected(Exit.usage, `there is no command '${word}'`, hint);
    }
    const argv = ["backtest", ...commandLine(said, this.#current), ...this.#manner];
    const code = await runCommand(root, argv, this.#context.life);
    if (argv[2] === "start" && code === Exit.ok && !argv.includes("--help"))
      this.#current = (await ids(this.#context))[0];
    return code;
  }

  /** The last words: what was begun here outlives the shell. */
  leave(): void {
    const { output, profile } = this.#context;
    const live = findHosts({ kind: "backtest", profile }).find(({ session }) => session === this.#current);
    if (live)
      output.note(`run ${live.session} goes on in the background: stint backtest watch ${live.session}`);
  }
}

/** A line as `stint backtest` takes it. @param current the run that a line without an id is about */
function commandLine(said: readonly string[], current: string | undefined): readonly string[] {
  const [word = "", ...rest] = withoutSystem(said);
  if (word === "start") return ["system", "start", ...rest];
  if (word === "run" || word === "shell") {
    throw new Expected(Exit.usage, `${word} isn't for the shell`, "start begins a run in the background");
  }
  const open = current !== undefined && !rest.includes("--help");
  const bare = rest[0] === undefined || rest[0].startsWith("-");
  const about = open && bare && /^(pause|resume|stop|status|inspect|watch)$/.test(word) ? [current] : [];
  const chosen = open && /^(step|add)$/.test(word) && !rest.includes("--id") ? ["--id", current] : [];
  // Restored in this process it would have the terminal until its end.
  const background = word === "resume" ? ["--detach"] : [];
  return [word, ...about, ...rest, ...chosen, ...background];
}

function help(): string {
  const rows = [
    ...words.map(({ usage, summary }) => [
      among(system, usage.split(" ")[0]) ? `[system] ${usage}` : usage,
      summary,
    ]),
    ["help [word]", "this, or what a word takes"],
    ["exit", "leave; what was begun goes on"],
  ];
  const width = Math.max(...rows.map(([usage = ""]) => usage.length));
  return rows.map(([usage = "", summary]) => `${usage.padEnd(width)}  ${summary}\n`).join("");
}

/** Ids of the profile's runs, newest first. */
async function ids({ profile }: Context): Promise<string[]> {
  const rows = await readStore([], (db) => listSessions(db, { kind: "backtest", profile }));
  return rows?.map(({ id }) => id) ?? [];
}

async function interactive(context: Context, session: Session): Promise<number> {
  const { output, life, profile } = context;
  const history = await History.open(join(stateFolder(), `backtest.${profile}.history`), (text) =>
    output.note(text),
  );
  let begun = "";
  for (;;) {
    const asked = await ask(context, history.newestFirst, begun);
    begun = asked.begun;
    // A signal: main.ts says with what we leave.
    if (life.cause) return Exit.ok;
    if (asked.lines.length === 0) {
      output.text("\n");
      session.leave();
      return Exit.ok;
    }
    for (const line of asked.lines) {
      if (line.trim() !== "") history.add(line);
      if ((await session.work(line)) === undefined) {
        session.leave();
        return Exit.ok;
      }
      if (life.cause) return Exit.ok;
    }
  }
}

/**
 * Asks for a line: several when several were pasted, none when Ctrl+D was pressed or we are to leave. The terminal is
 * held only meanwhile, so that a command finds it as a shell's is and may take it for a full screen.
 * @param begun what stands on the line already
 */
async function ask(context: Context, history: readonly string[], begun: string) {
  let completing = Promise.resolve();
  const reader = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    prompt: PROMPT,
    history: [...history],
    historySize: KEPT,
    removeHistoryDuplicates: true,
    // One after another, each of the line as it then is: the second TAB of two may come before the first is answered.
    completer: (_: string, done: (error?: Error | null, found?: [string[], string]) => void) => {
      completing = completing.then(async () => {
        await complete(context, reader.line.slice(0, reader.cursor)).then((found) => done(null, found), done);
      });
    },
  });
  const lines: string[] = [];
  const over = Promise.withResolvers<void>();
  using _ = context.life.own({ end: () => reader.close(), hurry: async () => {} });
  reader.on("line", (line) => {
    lines.push(line);
    over.resolve();
  });
  reader.on("close", over.resolve);
  // Ctrl+C: a new line.
  reader.on("SIGINT", () => {
    reader.write(null, { ctrl: true, name: "e" });
    reader.write(null, { ctrl: true, name: "u" });
  });
  reader.prompt();
  if (begun !== "") reader.write(begun);
  await over.promise;
  const rest = lines.length > 0 ? reader.line : "";
  reader.close();
  return { lines, begun: rest };
}

/** The lines of earlier, in a file of ours that doesn't grow without end. */
class History {
  readonly #path: string;
  readonly #failed: (text: string) => void;
  readonly newestFirst: string[];

  private constructor(path: string, lines: readonly string[], failed: (text: string) => void) {
    this.#path = path;
    this.#failed = failed;
    this.newestFirst = lines.toReversed();
  }

  static async open(path: string, failed: (text: string) => void): Promise<History> {
    const all = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
    const lines = all.slice(-KEPT);
    if (all.length > 2 * KEPT) await saveFile(path, `${lines.join("\n")}\n`);
    return new History(path, lines, failed);
  }

  add(line: string): void {
    if (this.newestFirst[0] === line) return;
    this.newestFirst.unshift(line);
    if (this.newestFirst.length > KEPT) this.newestFirst.pop();
    try {
      appendFileSync(this.#path, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      this.#failed(`the line isn't kept in the history: ${errno(error) ?? message(error)}`);
    }
  }
}

/** What the last word of a line may become, and that word. */
async function complete(context: Context, line: string): Promise<[string[], string]> {
  const word = /\S*$/.exec(line)?.[0] ?? "";
  const before = splitWords(line.slice(0, line.length - word.length)) ?? [];
  const hits = (await candidates(context, before, word)).filter((hit) => hit.startsWith(word));
  const [only] = hits.length === 1 ? hits : [];
  return [only === undefined || only.endsWith("/") ? hits : [`${only} `], word];
}

async function candidates(context: Context, before: readonly string[], word: string): Promise<string[]> {
  if (before.length === 0) return [...words.map(nameOf), "system", "help", "exit"];
  if (before.length === 1 && before[0] === "system") return system.map(nameOf);
  if (before.length === 1 && before[0] === "help") return words.map(nameOf);
  const [first, ...rest] = withoutSystem(before);
  const given = rest.filter((each) => !each.startsWith("-"));
  const group = among(words, first);
  const spec = among(group?.commands, given[0]) ?? group;
  if (!spec) return [];
  if (spec.commands) return spec.commands.map(nameOf);
  const options = [...(spec.options ?? []), ...COMMON];
  const option = options.find(({ flags }) => flags.startsWith(`${before.at(-1)} <`));
  if (option) {
    const [, what = ""] = option.flags.split(" ");
    if (option.choices) return [...option.choices];
    if (option.flags.startsWith("--strategy"))
      return [...Object.keys(builtins), ...files(word, /\.[cm]?[jt]s$/)];
    return values(context, nameOf(spec), what, word);
  }
  if (word.startsWith("-")) return options.map(({ flags }) => flags.split(" ")[0] ?? "");
  const [argument = ""] = spec.usage.split(" ").slice(1);
  return values(context, nameOf(spec), argument, word);
}

/** What an argument may be, by its name in the usage. */
async function values(context: Context, command: string, argument: string, word: string): Promise<string[]> {
  if (/session/.test(argument)) return files(word, /\.ya?ml$/);
  if (/file|from|folder/.test(argument)) return files(word, /^[^.]/);
  if (!/<a>|id/.test(argument)) return [];
  const { profile } = context;
  if (!/^(pause|stop|step|inspect|watch|add)$/.test(command)) return (await ids(context)).slice(0, OFFERED);
  return findHosts({ kind: "backtest", profile }).flatMap(({ session }) => session ?? []);
}

/** Files and folders that a path may become; those with a space would need quotes. */
function files(word: string, named: RegExp): string[] {
  const folder = /^.*\//.exec(word)?.[0] ?? "";
  try {
    return readdirSync(folder || ".", { withFileTypes: true })
      .filter(
        (entry) =>
          !/\s/.test(entry.name) &&
          (entry.isDirectory() ? !entry.name.startsWith(".") : named.test(entry.name)),
      )
      .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`);
  } catch {
    // There is no such folder, or none that can be read.
    return [];
  }
}

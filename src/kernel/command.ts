import { Command, type CommanderError, InvalidArgumentError, Option } from "commander";
import { Exit, Expected } from "./errors.ts";
import { inBackground } from "./launch.ts";
import type { Life } from "./life.ts";
import { type Log, type LogOptions, openLog } from "./log.ts";
import { Output } from "./output.ts";
import { checkProfile } from "./seat.ts";

/** What every command is given. */
export type Context = {
  readonly output: Output;
  readonly life: Life;
  readonly profile: string;
  /** What was typed, without the program's own name. */
  readonly argv: readonly string[];
  /** Opens the log with this name, with `--verbose` honoured. */
  log(name: string, options?: LogOptions): Log;
};

/** Values of options by their camelCase name, as their parsers gave them. */
export type Options = Readonly<Record<string, unknown>>;

/** One option: its flags as commander reads them, what it is for, and how its text becomes a value. */
export type OptionSpec = {
  readonly flags: string;
  readonly help: string;
  /** Throws {@link Expected} 2 for what it can't read. `before` is the value so far when the option is repeated. */
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly choices?: readonly string[];
  readonly default?: string;
};

/** A command is data: help, completions and the man page are made from it. */
export type CommandSpec = {
  /** Name and arguments as commander reads them: `resume [ID]`. */
  readonly usage: string;
  readonly summary: string;
  /** More than the summary says; paragraphs. */
  readonly description?: string;
  readonly options?: readonly OptionSpec[];
  readonly examples?: readonly { readonly line: string; readonly what: string }[];
  /** Not shown: for stint's own use. */
  readonly hidden?: boolean;
  readonly commands?: readonly CommandSpec[];
  /** @returns the exit code */
  run?(context: Context, args: readonly string[], options: Options): Promise<number>;
};

/** Options that every command has. */
export const COMMON: readonly OptionSpec[] = [
  { flags: "--json", help: "NDJSON on stdout, as on a pipe" },
  { flags: "--quiet", help: "no talk on stderr but errors" },
  { flags: "--verbose", help: "copy the log to stderr" },
  { flags: "--no-color", help: "no colours (also: NO_COLOR)" },
  {
    flags: "--profile <name>",
    help: "keep sessions and hosts apart (also: STINT_PROFILE; default: default)",
  },
];

/** What was decided once the command line was read. */
type Chosen = { run: NonNullable<CommandSpec["run"]>; args: readonly string[]; options: Options };

/** @returns commander's whole tree, from which completions are made */
export const buildProgram = (root: CommandSpec): Command => build(root, () => {});

/**
 * @param chose told which command is to be run
 * @param words what was typed: of a command that isn't among them only what lists show is built. Without, everything is.
 */
function build(spec: CommandSpec, chose: (chosen: Chosen) => void, words?: readonly string[]): Command {
  const command = listed(spec);
  command
    .description(spec.description ? `${spec.summary}\n\n${flowing(spec.description)}` : spec.summary)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .configureHelp({
      sortSubcommands: false,
      subcommandTerm: (sub) => `${sub.name()} ${argumentsOf(sub)}`.trim(),
    })
    .exitOverride();
  for (const option of [...(spec.options ?? []), ...(spec.run ? COMMON : [])])
    command.addOption(toOption(option));
  if (spec.examples) {
    const width = Math.max(...spec.examples.map(({ line }) => line.length));
    const lines = spec.examples.map(({ line, what }) => `  $ ${line.padEnd(width)}  ${what}`);
    command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
  }
  const { run } = spec;
  if (run) {
    command.action(() => {
      const positional = command.processedArgs.flat().filter((arg): arg is string => arg !== undefined);
      chose({ run, args: positional, options: command.optsWithGlobals() });
    });
  }
  for (const sub of spec.commands ?? []) {
    const meant = words?.includes(nameOf(sub)) ?? true;
    command.addCommand(meant ? build(sub, chose, words) : listed(sub), { hidden: sub.hidden ?? false });
  }
  return command;
}

const nameOf = ({ usage }: CommandSpec): string => usage.split(" ")[0] ?? "";

/** A command with what a list shows of it. */
function listed(spec: CommandSpec): Command {
  const command = new Command(nameOf(spec)).summary(spec.summary);
  for (const argument of spec.usage.split(" ").slice(1)) command.argument(argument);
  return command;
}

/** Paragraphs without the line breaks of the source: whoever shows them breaks them anew. */
export const flowing = (text: string): string => text.replace(/(?<!\n)\n(?!\n)/g, " ");

const argumentsOf = (command: Command): string =>
  command.registeredArguments
    .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
    .join(" ");

function toOption({ flags, help, parse, choices, default: fallback }: OptionSpec): Option {
  const option = new Option(flags, help);
  if (choices) option.choices([...choices]);
  if (fallback !== undefined) option.default(fallback);
  if (parse) {
    option.argParser((text: string, before: unknown) => {
      try {
        return parse(text, before);
      } catch (error) {
        if (!(error instanceof Expected)) throw error;
        // A second line becomes the hint again, see asExpected.
        const { message, hint } = error;
        throw new InvalidArgumentError(hint === undefined ? message : `${message}\n${hint}`);
      }
    });
  }
  return option;
}

/**
 * Reads a command line and runs what it asks for.
 * @returns the exit code
 * @throws Expected and whatever else the command throws; the caller prints it
 */
export async function runCommand(root: CommandSpec, typed: readonly string[], life: Life): Promise<number> {
  // `stint help sessions`, as many know it.
  const argv = typed[0] === "help" ? [...typed.slice(1), "--help"] : typed;
  let chosen: Chosen | undefined;
  // Building everything would cost more than many a command does.
  const choose = (choice: Chosen) => {
    chosen = choice;
  };
  const program = build(root, choose, argv);
  const help: string[] = [];
  const collect = (command: Command) => {
    command.configureOutput({ writeOut: (text) => void help.push(text) });
    command.commands.forEach(collect);
  };
  collect(program);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    const { code } = error as CommanderError;
    if (code === "commander.helpDisplayed") {
      new Output().text(help.join(""));
      return Exit.ok;
    }
    if (!code?.startsWith("commander.")) throw error;
    // Which commander calls a group alone; see below.
    if (code !== "commander.help") throw asExpected(error as CommanderError, deepest(program, argv));
  }
  if (!chosen) {
    // A group without a word for what to do: its help, as an error.
    deepest(program, argv).outputHelp();
    new Output().note(help.join("").trimEnd());
    return Exit.usage;
  }
  const { options } = chosen;
  const { json, quiet, verbose, color } = options;
  const output = new Output({
    ...(json ? { json: true } : {}),
    quiet: quiet === true,
    ...(color === false ? { colour: false } : {}),
  });
  const profile = checkProfile(String(options["profile"] ?? (process.env["STINT_PROFILE"] || "default")));
  // A host in the background has nobody at its stderr, and a file there would grow without end.
  const aloud = verbose === true && !inBackground();
  const log = (name: string, options: LogOptions = {}) => openLog(name, { ...options, verbose: aloud });
  return chosen.run({ output, life, profile, argv, log }, chosen.args, options);
}

/** The command that was meant, as far as the words go. */
function deepest(command: Command, argv: readonly string[]): Command {
  const [word, ...rest] = argv;
  const sub = command.commands.find((candidate) => candidate.name() === word);
  return sub ? deepest(sub, rest) : command;
}

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

function asExpected({ message }: CommanderError, command: Command): Expected {
  const said = message
    .replace(/^error: /, "")
    .replace(/^option '(?:-\w, )?(--[\w-]+).*?' argument '.*?' is invalid\. /s, "$1: ");
  const [first = "", suggestion] = said.split("\n");
  const hint = suggestion?.replace(/^\(|\)$/g, "") ?? `${pathOf(command)} --help`;
  return new Expected(Exit.usage, first, hint);
}

import { whole } from "../kernel/arguments.ts";
import type { CommandSpec, Context, OptionSpec, Options } from "../kernel/command.ts";
import { milliseconds } from "../kernel/core/duration.ts";
import { Exit, Expected } from "../kernel/errors.ts";

/** `stint modules`: what can be asked, and how its words become values. The bodies are in adapters/. */

const allOption: OptionSpec = { flags: "--all", help: "every module" };
const dirOption: OptionSpec = {
  flags: "--dir <folder>",
  help: "the folder of the modules (default: modules.dir)",
};
const followOption: OptionSpec = {
  flags: "--follow",
  help: "go on, a line at each change, until interrupted",
};

/** A length of time as a `config.txt` has it, ms. */
function time(text: string): number {
  const ms = milliseconds(text.trim());
  if (ms !== undefined && ms > 0 && ms <= 24 * 3_600_000) return ms;
  throw new Expected(Exit.usage, `'${text}' isn't a time`, "up to 24h, as in 500ms, 10s or 1m30s");
}

const session = () => import("./adapters/session.ts");

/** Which modules are meant: names, patterns with * and ?, or all. @throws Expected 2 when it isn't said */
function meant(names: readonly string[], options: Options): string[] {
  const all = options["all"] === true;
  if (all === names.length > 0) {
    throw new Expected(
      Exit.usage,
      all ? "--all or names, not both" : "which modules?",
      "their names, or --all",
    );
  }
  return all ? ["*"] : [...names];
}

/** A command that tells the supervisor something about some modules, and says what became of it. */
const act = (
  name: string,
  summary: string,
  more: { description?: string; options?: readonly OptionSpec[]; examples?: CommandSpec["examples"] } = {},
): CommandSpec => ({
  usage: `${name} [names...]`,
  summary,
  ...(more.description === undefined ? {} : { description: more.description }),
  options: [allOption, ...(more.options ?? [])],
  ...(more.examples ? { examples: more.examples } : {}),
  run: async (context: Context, names, options) =>
    (await session()).act(context, name, meant(names, options), options),
});

const statusBody: NonNullable<CommandSpec["run"]> = async (context, names, options) =>
  (await session()).status(context, names, options);

export const modulesCommand: CommandSpec = {
  usage: "modules",
  summary: "supervise programs that go on when the supervisor dies",
  description: `A module is a folder with a config.txt that says what to run. NAMES are names of modules, or patterns with * and ?.`,
  examples: [
    { line: "stint modules up", what: "run the modules of ./modules and see them" },
    { line: "stint modules status", what: "is everything as it should be?" },
    { line: "stint modules record --all", what: "begin a recording, in all of them" },
  ],
  commands: [
    {
      usage: "up",
      summary: "run the modules that are enabled, and show them",
      description: `Full screen on a terminal; on a pipe a line at each event. Ctrl+C and SIGTERM stop the modules in order, as down
does. When a supervisor died (kill -9, a crash, power loss), its modules go on without it: up takes them over as they
are, and what was running then is what runs, whatever is enabled. Where a supervisor runs already, up shows it on a
terminal: q leaves it running.`,
      options: [dirOption, { flags: "--detach", help: "in the background: return once it runs" }],
      examples: [
        { line: "stint modules up --dir /srv/rack/modules", what: "another folder" },
        { line: "stint modules up --detach", what: "in the background" },
      ],
      run: async (context, _args, options) => (await session()).up(context, options),
    },
    {
      usage: "down",
      summary: "stop every module in order, then the supervisor",
      run: async (context) => (await session()).down(context),
    },
    {
      usage: "watch",
      summary: "show the modules full screen; leaving it leaves them running",
      run: async (context) => (await session()).watch(context),
    },
    {
      usage: "list [names...]",
      summary: "what each module is to do and does",
      description: "Exits as status does.",
      options: [followOption],
      run: statusBody,
    },
    {
      usage: "status [names...]",
      summary: "whether everything is as desired",
      description: `Exits with 0 when all is as desired, with 1 when a module that is wanted isn't running (or one that isn't still
is), with 2 for a name that there isn't, with 69 when there is no supervisor. Starts nothing.`,
      options: [followOption],
      examples: [
        { line: "stint modules status --json", what: "a line of JSON for each module" },
        { line: "stint modules status 'cam*' && make recording", what: "" },
      ],
      run: statusBody,
    },
    act("enable", "run modules, now and at each fresh start", {
      description: `Sets enabled = true in the module's config.txt, and waits until it is ready. If it doesn't get so, its preference
is what it was, and this exits with 1.`,
      examples: [{ line: "stint modules enable camera gps", what: "" }],
    }),
    act("disable", "stop modules, now and for each fresh start", {
      description:
        "Sets enabled = false in the module's config.txt, and waits until nothing is left of its processes.",
    }),
    act("start", "run modules now; what a fresh start runs stays as it is"),
    act("stop", "stop modules now; what a fresh start runs stays as it is"),
    act("restart", "stop modules that run and start them again"),
    act("reset", "forget the failures of modules; those that are wanted are started again"),
    {
      usage: "reload",
      summary: "take in modules that were edited, added or removed",
      description: `What was edited is restarted if it runs and what was edited matters to it; what was removed is stopped; what was
added runs if it is enabled.`,
      run: async (context) => (await session()).reload(context),
    },
    act("record", "begin a recording, the same in all of them", {
      description: `All of them are given one timestamp, one session folder and one trial number. Modules that don't speak the
protocol can't be told, and --all passes over them; one that is wanted and isn't there fails it.`,
      options: [
        {
          flags: "--session <folder>",
          help: "where to record (default: recordings/ and the time, beside the modules)",
        },
        {
          flags: "--trial <n>",
          help: "the number of the trial (default: one more than the last in that folder)",
          parse: whole(1, 1_000_000),
        },
      ],
      examples: [{ line: "stint modules record --all --session ~/study/anna --trial 3", what: "" }],
    }),
    act("pause", "end the recording of modules; they go on idle"),
    {
      usage: "logs [names...]",
      summary: "what modules have said",
      options: [
        {
          flags: "-n, --lines <n>",
          help: "at most so many of the last lines (default: 100)",
          parse: whole(0, 10_000_000),
        },
        { flags: "--since <time>", help: "only what was said since: 10m, 14:05, or 2026-11-22 14:05" },
        followOption,
      ],
      examples: [
        { line: "stint modules logs camera --follow", what: "" },
        { line: "stint modules logs --since 10m | grep -i error", what: "of all of them" },
      ],
      run: async (context, names, options) =>
        (await import("./adapters/logs.ts")).logs(context, names, options),
    },
    {
      usage: "events",
      summary: "what has happened to the modules",
      description:
        "Wishes, changes of state, requests and crashes, the oldest first; they outlive the supervisor.",
      options: [
        {
          flags: "-n, --lines <n>",
          help: "at most so many of the last (default: 100)",
          parse: whole(0, 10_000_000),
        },
        followOption,
      ],
      run: async (context, _args, options) => (await import("./adapters/events.ts")).events(context, options),
    },
    {
      usage: "check",
      summary: "check the configuration of every module; run nothing",
      options: [dirOption],
      run: async (context, _args, options) => (await import("./adapters/check.ts")).check(context, options),
    },
    {
      usage: "send <name> <command>",
      summary: "tell a module something, and print its answer",
      description: `COMMAND is a JSON object, of at most 4096 bytes with the id that it is given. The answer is the next thing that the module
says with this id.`,
      options: [
        {
          flags: "--timeout <duration>",
          help: "how long to wait for the answer (default: 5s); a number alone is seconds",
          parse: time,
        },
      ],
      examples: [{ line: `stint modules send camera '{"command":"zoom","factor":2}'`, what: "" }],
      run: async (context, [name = "", command = ""], options) =>
        (await session()).send(context, name, command, options),
    },
    {
      usage: "__host",
      summary: "host a supervisor",
      hidden: true,
      run: async (context) => (await session()).host(context),
    },
  ],
};

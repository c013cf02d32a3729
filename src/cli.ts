import { backtestCommand } from "./backtest/cli.ts";
import { detectCommand } from "./detect/cli.ts";
import { type CommandSpec, type Context, runCommand } from "./kernel/command.ts";
import type { Section } from "./kernel/config/section.ts";
import { Exit } from "./kernel/errors.ts";
import type { Life } from "./kernel/life.ts";
import { runtime } from "./kernel/runtime.ts";
import { modulesCommand } from "./modules/cli.ts";
import { pomoCommand } from "./pomo/cli.ts";
import { trackCommand } from "./track/cli.ts";

/** The command tree: a line for each command, its body loaded when it is run. */
export const root: CommandSpec = {
  usage: "stint",
  summary: "runs the stretches of work that must not be lost",
  description: `One executable with one lifecycle for all of them: a session is paused, killed, resumed and shut down in
order, and keeps its id. On a terminal it speaks to people; on a pipe, or with --json, NDJSON.`,
  options: [{ flags: "-V, --version", help: "show version, commit and runtime" }],
  examples: [
    { line: "stint track start --project acme", what: "track where the day goes, and see it" },
    { line: "stint pomo start 'write the report'", what: "a pomodoro that survives whatever happens" },
    { line: "stint detect run --dry-run", what: "see whom cameras see, and which relays that would switch" },
    { line: "stint modules up --dir modules", what: "run programs that outlive their supervisor" },
    { line: "stint backtest run", what: "run the bundled sample" },
    { line: "stint sessions", what: "the sessions and their states" },
    { line: "stint demo", what: "see it do the real thing, measured, in under a minute" },
  ],
  commands: [
    trackCommand,
    pomoCommand,
    detectCommand,
    modulesCommand,
    backtestCommand,
    {
      usage: "sessions",
      summary: "list the sessions",
      description:
        "On a terminal those that live and the newest 20 others; on a pipe, or with --all, every one.",
      options: [{ flags: "--all", help: "every one, however old" }],
      examples: [
        { line: "stint sessions --json", what: "one line of JSON for each" },
        { line: "stint sessions --profile acme", what: "those of one profile" },
      ],
      run: async (context, _args, { profile, all }) =>
        (await import("./kernel/sessions-cli.ts")).listSessions(
          context,
          profile as string | undefined,
          all === true,
        ),
    },
    {
      usage: "config",
      summary: "show, check and change the configuration",
      commands: [
        {
          usage: "show [key]",
          summary: "every setting, its value and where that comes from",
          run: async ({ output }, [key]) =>
            configuration(({ configShow }, all) => configShow(output, all, key === undefined ? {} : { key })),
        },
        {
          usage: "path",
          summary: "where the configuration files are",
          run: async ({ output }) => configuration(async ({ configPath }) => configPath(output)),
        },
        {
          usage: "check [file]",
          summary: "check the configuration, or one file of it",
          run: async ({ output }, [file]) =>
            configuration(({ configCheck }, all) =>
              configCheck(output, all, file === undefined ? {} : { file }),
            ),
        },
        {
          usage: "schema",
          summary: "the JSON Schema of the configuration",
          run: async ({ output }) =>
            configuration(({ printConfigSchema }, all) => printConfigSchema(output, all)),
        },
        {
          usage: "set <key> <value>",
          summary: "change a setting; comments stay",
          options: [{ flags: "--project", help: "in ./stint.yaml instead of the user's file" }],
          examples: [{ line: "stint config set backtest.cash 25000", what: "" }],
          run: async ({ output }, [key = "", value = ""], { project }) =>
            configuration(({ configSet }, all) =>
              configSet(output, all, key, value, { inProject: project === true }),
            ),
        },
        {
          usage: "unset <key>",
          summary: "take a setting back to its default",
          options: [{ flags: "--project", help: "in ./stint.yaml instead of the user's file" }],
          run: async ({ output }, [key = ""], { project }) =>
            configuration(({ configUnset }, all) =>
              configUnset(output, all, key, { inProject: project === true }),
            ),
        },
      ],
    },
    {
      usage: "demo",
      summary: "a tour that does the real thing and says what it measured",
      run: async (context) => (await import("./demo.ts")).demo(context),
    },
    {
      usage: "completions <shell>",
      summary: "a completion script for bash, zsh or fish",
      examples: [{ line: "source <(stint completions bash)", what: "complete in this shell" }],
      run: async (context, [shell = ""]) => (await import("./kernel/completions.ts")).script(context, shell),
    },
    {
      usage: "man",
      summary: "the manual page",
      examples: [{ line: "stint man > ~/.local/share/man/man1/stint.1", what: "install it" }],
      run: async ({ output }: Context) => {
        const { manual } = await import("./kernel/manual.ts");
        output.text(manual(root, version()));
        return Exit.ok;
      },
    },
    {
      usage: "__check-store",
      summary: "check the store after an unclean end",
      hidden: true,
      run: async (context) => (await import("./kernel/sessions-cli.ts")).checkStore(context),
    },
  ],
};

/** Runs a body of `stint config` with every section there is. */
async function configuration(
  body: (bodies: typeof import("./kernel/config/cli.ts"), all: readonly Section[]) => Promise<number>,
): Promise<number> {
  const { sections } = await import("./configuration.ts");
  return body(await import("./kernel/config/cli.ts"), sections);
}

/** "0.1.0 (1a2b3c4, bun 1.4.5)" */
function version(): string {
  const number = typeof STINT_VERSION === "string" ? STINT_VERSION : "0.0.0";
  const commit = typeof STINT_COMMIT === "string" ? STINT_COMMIT : "from source";
  return `${number} (${commit}, ${runtime})`;
}

/** Runs a command line. @returns the exit code @throws what the command throws */
export async function cli(argv: readonly string[], life: Life): Promise<number> {
  const [first] = argv;
  if (first === "--version" || first === "-V") {
    const { Output } = await import("./kernel/output.ts");
    const output = new Output();
    if (argv.includes("--json")) output.emit({ type: "version", version: version() });
    else output.text(`stint ${version()}\n`);
    return Exit.ok;
  }
  if (first === "complete") return (await import("./kernel/completions.ts")).complete(root, argv);
  return runCommand(root, argv, life);
}

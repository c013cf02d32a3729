import { duration, list, pastTime, since, whole } from "../kernel/arguments.ts";
import type { CommandSpec, OptionSpec } from "../kernel/command.ts";
import { FORMATS } from "../kernel/core/bar.ts";

/** `stint pomo`: what can be asked, and how its words become values. The bodies are in adapters/. */

/** The estimate of a task; `none` takes it away. */
const estimate = (text: string): number | "none" => (text.trim() === "none" ? "none" : whole(1, 1000)(text));

const tagOption: OptionSpec = { flags: "--tag <name>", help: "a tag; may be repeated", parse: list };
const newTagsOption: OptionSpec = {
  ...tagOption,
  help: "its tags instead of those it has; may be repeated, '' for none",
};
/** What of a history is wanted. */
const filterOptions: readonly OptionSpec[] = [
  { flags: "--task <title>", help: "only what was on this task, by its title or #number; none: on no task" },
  { flags: "--tag <name>", help: "only what has this tag; repeated: one of them", parse: list },
];
const formatOption: OptionSpec = {
  flags: "--format <format>",
  help: "openpomodoro, json, csv or ical",
  choices: ["openpomodoro", "json", "csv", "ical"],
};

const timer = () => import("./adapters/timer.ts");
const tasks = () => import("./adapters/tasks.ts");
const log = () => import("./adapters/log.ts");
const exchange = () => import("./adapters/exchange/exchange.ts");

/** A command that tells the timer something and prints the state after it. */
const act = (usage: string, summary: string, description?: string): CommandSpec => ({
  usage,
  summary,
  ...(description === undefined ? {} : { description }),
  run: async (context) => (await timer()).act(context, usage),
});

export const pomoCommand: CommandSpec = {
  usage: "pomo",
  summary: "a pomodoro timer that nothing can make forget",
  examples: [
    { line: "stint pomo start 'write the report'", what: "25 minutes of it, then a break" },
    { line: "stint pomo watch", what: "see it from another terminal" },
  ],
  commands: [
    {
      usage: "start [task]",
      summary: "start work on a task, in the background, and show the timer",
      description: `The timer runs in the background: q or closing the terminal leaves it running. If one was left by a
host that died, it is taken up again where it would be now. TASK is the title of an open task, its number as #7, or a
new title.

On a pipe it prints a line at each change until the session is over; --detach returns at once. --wait returns when this
work ends: with 0 when it is done, with 1 when it was interrupted; ctrl+c ends the waiting and leaves the timer running.
--foreground also takes up what a dead host left; q or a signal ends the host, and the session can be taken up again.`,
      options: [
        {
          flags: "--preset <name>",
          help: "short (25/5/15, the default), long (50/10/30) or one of your own",
        },
        { flags: "--work <duration>", help: "how long work lasts, as in 25m", parse: duration },
        { flags: "--break <duration>", help: "how long a short break lasts", parse: duration },
        { flags: "--long-break <duration>", help: "how long the long break lasts", parse: duration },
        { flags: "--rounds <n>", help: "how many rounds of work until the long break", parse: whole(1, 100) },
        tagOption,
        { flags: "--paused", help: "start paused" },
        { flags: "--replace", help: "interrupt the one that is there" },
        {
          flags: "--wait",
          help: "return when this work ends: exit 0 when it is done, 1 when it was interrupted",
        },
        { flags: "--detach", help: "return at once" },
        { flags: "--foreground", help: "keep the timer's host in this process: for services and containers" },
      ],
      examples: [
        { line: "stint pomo start --preset long", what: "50 minutes, 10 minutes of break" },
        { line: "stint pomo start --work 45m --break 15m", what: "your own lengths" },
        { line: "stint pomo start --wait && make release", what: "something to do after it" },
      ],
      run: async (context, [task], options) => (await timer()).start(context, task, options),
    },
    act("pause", "let the timer stand still"),
    act("resume", "go on: with what was paused, with the next interval, or with what a dead host left"),
    act("toggle", "pause or resume"),
    act("skip", "go on to the next interval; this one counts as interrupted"),
    act("finish", "count this interval as done, early"),
    {
      usage: "stop",
      summary: "end the session; what is running counts as interrupted",
      run: async (context) => (await timer()).stop(context),
    },
    {
      usage: "extend <duration>",
      summary: "make the interval longer",
      examples: [{ line: "stint pomo extend 5m", what: "" }],
      run: async (context, [text = ""]) => (await timer()).extend(context, duration(text)),
    },
    act(
      "undo",
      "take back the last skip, finish, extend or stop",
      `The interval is again as it was then, with what was left of it: what has passed since isn't counted, and what was
put into history is taken out. Of extend the length alone is taken back. Only the last of them can be, and none once an
interval has come to its end by itself. Going on from one that ended while nobody was there is a skip.`,
    ),
    {
      usage: "watch",
      summary: "show the timer full screen; leaving it leaves it running",
      run: async (context) => (await timer()).watch(context),
    },
    {
      usage: "status",
      summary: "what the timer says",
      description: `Starts nothing and writes nothing. FORMAT is ${FORMATS.join(", ")}, or a template with fields in braces:

The fields of a line of --json by their names, as {round} and {task}, and those of its today with a dot, as
{today.completed} and {today.focus_ms}; {type} and {today} alone are something else, as follows.

In words: {remaining}, {elapsed} and {duration} as on a clock, {percent}, {type} and {next} (work, break, long break),
and of today {done} or {today}, {goal}, {interrupted}, {focus}, {streak}. What there isn't is empty; {{ and }} are braces.`,
      options: [
        { flags: "--format <format>", help: `${FORMATS.join(", ")} or a template: '{remaining} {task}'` },
        { flags: "--follow", help: "a line at each change; with --format, whenever it would read otherwise" },
      ],
      examples: [
        { line: "stint pomo status --format '{remaining} {task}'", what: "for a prompt" },
        { line: "stint pomo status --format waybar --follow", what: "for a bar" },
      ],
      run: async (context, _args, options) => (await timer()).status(context, options),
    },
    {
      usage: "task",
      summary: "the tasks to work on",
      commands: [
        {
          usage: "add <title>",
          summary: "add a task",
          options: [
            { flags: "--estimate <n>", help: "how many pomodoros it may take", parse: whole(1, 1000) },
            tagOption,
            { flags: "--use", help: "and work on it" },
          ],
          run: async (context, [title = ""], options) => (await tasks()).addTask(context, title, options),
        },
        {
          usage: "list",
          summary: "the open tasks, with what was done on each",
          options: [{ flags: "--all", help: "those that are done too" }],
          run: async (context, _args, options) => (await tasks()).listTasks(context, options),
        },
        {
          usage: "use <task>",
          summary: "work on a task, by #number or title; none works on no task",
          description: "One that was done is opened again.",
          run: async (context, [which = ""]) => (await tasks()).useTask(context, which),
        },
        {
          usage: "edit <task>",
          summary: "change what a task is called, its estimate or its tags",
          options: [
            { flags: "--title <title>", help: "what it is called; history keeps what it was called then" },
            {
              flags: "--estimate <n>",
              help: "how many pomodoros it may take; none for no estimate",
              parse: estimate,
            },
            newTagsOption,
          ],
          examples: [{ line: "stint pomo task edit 7 --title 'write the report' --estimate 4", what: "" }],
          run: async (context, [which = ""], options) => (await tasks()).editTask(context, which, options),
        },
        {
          usage: "done <task>",
          summary: "mark a task as done",
          run: async (context, [which = ""]) => (await tasks()).finishTask(context, which),
        },
        {
          usage: "remove <task>",
          summary: "remove a task; history keeps its title",
          run: async (context, [which = ""]) => (await tasks()).removeTask(context, which),
        },
      ],
    },
    {
      usage: "presets",
      summary: "the presets there are",
      examples: [
        { line: "stint config set pomo.presets '{deep: {work: 90m, break: 20m}}'", what: "one of your own" },
        { line: "stint config set pomo.preset deep", what: "the one that start takes" },
      ],
      run: async (context) => (await import("./adapters/presets.ts")).listPresets(context),
    },
    {
      usage: "stats",
      summary: "what was done, per day and per task",
      description: `Focus is all work, also interrupted; a day of a streak has at least one completed. With --task or --tag all
of it, streaks too, is of that alone.`,
      options: [
        {
          flags: "--since <span>",
          help: "30d (the default), today, yesterday, 12w, 1y or a date",
          parse: since,
        },
        ...filterOptions,
      ],
      examples: [{ line: "stint pomo stats --since 12w", what: "the last twelve weeks" }],
      run: async (context, _args, options) =>
        (await import("./adapters/stats.ts")).showStats(context, options),
    },
    {
      usage: "log",
      summary: "the intervals that are over",
      options: [
        {
          flags: "--since <span>",
          help: "7d (the default), today, yesterday, 12w, 1y or a date",
          parse: since,
        },
        { flags: "--all", help: "the whole history" },
        ...filterOptions,
      ],
      examples: [{ line: "stint pomo log --since yesterday --tag acme", what: "" }],
      run: async (context, _args, options) => (await log()).showLog(context, options),
      commands: [
        {
          usage: "add [task]",
          summary: "add one that wasn't timed",
          description: "One that overlaps another is added as well, and that is said.",
          options: [
            {
              flags: "--start <time>",
              help: "when it began: 14:05, or 2026-11-22 14:05 (default: it ends now)",
              parse: pastTime,
            },
            { flags: "--duration <duration>", help: "how long it was (default: 25m)", parse: duration },
            tagOption,
          ],
          examples: [{ line: "stint pomo log add --start 14:05 --duration 25m review", what: "" }],
          run: async (context, [task], options) => (await log()).addEntry(context, task, options),
        },
        {
          usage: "edit <id>",
          summary: "correct one",
          options: [
            { flags: "--task <title>", help: "what was worked on; none for no task" },
            { flags: "--start <time>", help: "when it began", parse: pastTime },
            { flags: "--duration <duration>", help: "how long it was", parse: duration },
            { flags: "--outcome <outcome>", help: "how it ended", choices: ["completed", "interrupted"] },
            newTagsOption,
          ],
          run: async (context, [id = ""], options) => (await log()).editEntry(context, id, options),
        },
        {
          usage: "delete <id>",
          summary: "delete one",
          run: async (context, [id = ""]) => (await log()).deleteEntry(context, id),
        },
      ],
    },
    {
      usage: "export",
      summary: "write the history for other programs",
      description: `--format may be left out where the file's name tells it: .csv, .ics, .json, or history for openpomodoro, which
has completed work in whole minutes alone. The others have every interval, to the millisecond. Of tasks there are
the titles.`,
      options: [
        formatOption,
        {
          flags: "--since <span>",
          help: "today, yesterday, 30d, 12w, 1y or a date (default: all)",
          parse: since,
        },
        { flags: "--output <file>", help: "a file instead of stdout" },
      ],
      examples: [
        { line: "stint pomo export --format ical > pomodoros.ics", what: "for a calendar" },
        { line: "stint pomo export --output pomodoros.csv", what: "for a spreadsheet" },
      ],
      run: async (context, _args, options) => (await exchange()).exportHistory(context, options),
    },
    {
      usage: "import [file]",
      summary: "take in history from other programs; what is there already isn't doubled",
      description: `Without FILE, or with -, stdin is read, and --format is needed. All of it is taken or, when a line is wrong, nothing.
A row is linked to the open task of its title, where there is one.`,
      options: [formatOption],
      examples: [
        { line: "stint pomo import ~/.pomodoro/history", what: "" },
        { line: "stint pomo import --format json --profile acme < pomodoros.json", what: "from stdin" },
      ],
      run: async (context, [file], options) => (await exchange()).importHistory(context, file, options),
    },
    {
      usage: "serve",
      summary: "serve the timer as a page to a browser on this machine",
      description: `Listens on a loopback address and prints the page's address, which holds a token. The page starts,
pauses and stops the timer as any other client does.`,
      options: [{ flags: "--listen <address>", help: "where to listen (default: 127.0.0.1:7625)" }],
      run: async (context, _args, options) =>
        (await import("./adapters/page/serve.ts")).serve(context, options),
    },
    {
      usage: "__host",
      summary: "host a session",
      hidden: true,
      run: async (context) => (await timer()).host(context),
    },
  ],
};

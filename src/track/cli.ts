import { list, pastTime, since, whole } from "../kernel/arguments.ts";
import type { CommandSpec, OptionSpec } from "../kernel/command.ts";
import { FORMATS } from "../kernel/core/bar.ts";
import { Exit, Expected } from "../kernel/errors.ts";
import { INPUT_CHOICES, TRACKERS, type TrackerName } from "./core/trackers.ts";

/** `stint track`: what can be asked, and how its words become values. The bodies are in adapters/. */

function trackers(text: string, before: unknown): TrackerName[] {
  const wanted = list(text, before);
  const wrong = wanted.find((name) => !(TRACKERS as readonly string[]).includes(name));
  if (wrong === undefined && wanted.length > 0) return wanted as TrackerName[];
  throw new Expected(Exit.usage, `there is no tracker '${wrong ?? ""}'`, `there are ${TRACKERS.join(", ")}`);
}

/** A date, as its text. */
function day(text: string): string {
  const word = text.trim().toLowerCase();
  if (word === "today" || word === "yesterday") return word;
  try {
    return Temporal.PlainDate.from(text.trim()).toString();
  } catch {
    throw new Expected(Exit.usage, `'${text}' isn't a day`, "today, yesterday or 2026-01-31");
  }
}

/** A date, or a time of the past; its text. */
function bound(text: string): string {
  try {
    return pastTime(text);
  } catch {
    return day(text);
  }
}

const projectOption: OptionSpec = { flags: "--project <name>", help: "what it is for; none: no project" };
const tagOption: OptionSpec = { flags: "--tag <name>", help: "a tag; may be repeated", parse: list };
const newTagsOption: OptionSpec = {
  ...tagOption,
  help: "its tags instead of those it has; may be repeated, '' for none",
};
const noteOption: OptionSpec = { flags: "--note <text>", help: "a note; '' takes it away" };
const replaceOption: OptionSpec = { flags: "--replace", help: "what it overlaps is cut, not in its way" };

/** Which time is meant. */
const rangeOptions: readonly OptionSpec[] = [
  { flags: "--day <date>", help: "today, yesterday or a date", parse: day },
  { flags: "--week", help: "this week, from Monday on" },
  { flags: "--since <span>", help: "30d, 12w, 1y, yesterday or a date, up to now", parse: since },
  { flags: "--from <time>", help: "from a date or a time on", parse: bound },
  { flags: "--to <time>", help: "up to a date (with all of it) or a time", parse: bound },
];
const filterOptions: readonly OptionSpec[] = [
  { flags: "--project <name>", help: "only of this project; none: of none" },
  { flags: "--tag <name>", help: "only with this tag; repeated: one of them", parse: list },
];
const formatOption: OptionSpec = {
  flags: "--format <format>",
  help: "json, csv, ical, timewarrior or activitywatch",
  choices: ["json", "csv", "ical", "timewarrior", "activitywatch"],
};

const session = () => import("./adapters/session.ts");
const corrections = () => import("./adapters/corrections.ts");
const sessions = () => import("./adapters/sessions.ts");
const screenshots = () => import("./adapters/screenshots/cli.ts");
const exchange = () => import("./adapters/exchange/exchange.ts");

export const trackCommand: CommandSpec = {
  usage: "track",
  summary: "know where the day went: keys, mouse, apps and screenshots, by project",
  description: `Everything stays on this machine. Keys are counted; which keys they were is known to nobody.`,
  examples: [
    { line: "stint track start --project acme", what: "begin, and look at it" },
    { line: "stint track report --week", what: "where the week went" },
  ],
  commands: [
    {
      usage: "start [project]",
      summary: "start tracking, in the background, and show it",
      description: `It runs in the background: q or closing the terminal leaves it running, stop ends it. One session is tracked
at a time, whatever the profile. Where a session was left by a host that died, start says so: resume goes on with it
under its id, start --new leaves it closed at its last sign of life.

On a pipe it prints a line at each change; --detach returns at once. --foreground keeps the host in this process, and
goes on with what was left, so that a service can be restarted.`,
      options: [
        projectOption,
        tagOption,
        { flags: "--note <text>", help: "a note" },
        { flags: "--only <trackers>", help: `only these of ${TRACKERS.join(", ")}`, parse: trackers },
        { flags: "--at <time>", help: "it began earlier: 09:00, or 2026-11-22 09:00", parse: pastTime },
        {
          flags: "--input <backend>",
          help: "what counts keys and the mouse (default: track.input)",
          choices: INPUT_CHOICES,
        },
        { flags: "--paused", help: "start paused" },
        { flags: "--new", help: "a new session, though one was left to be resumed" },
        { flags: "--detach", help: "return at once" },
        { flags: "--foreground", help: "keep the host in this process: for services and containers" },
      ],
      examples: [
        { line: "stint track start acme --tag billable", what: "" },
        { line: "stint track start --at 09:00 --detach", what: "since nine, without a screen" },
        { line: "stint track start --only keyboard,mouse", what: "no titles, no pictures" },
      ],
      run: async (context, [project], options) => (await session()).start(context, project, options),
    },
    {
      usage: "switch <project>",
      summary: "go on with another project; none for none",
      options: [tagOption, { flags: "--at <time>", help: "it changed earlier: 14:05", parse: pastTime }],
      examples: [{ line: "stint track switch acme --tag meeting", what: "" }],
      run: async (context, [project = ""], options) =>
        (await corrections()).switchTo(context, project, options),
    },
    {
      usage: "pause",
      summary: "pause: nothing watches until it is resumed",
      run: async (context) => (await session()).act(context, "pause"),
    },
    {
      usage: "resume [id]",
      summary: "go on: with what was paused, or with a session that a dead host left",
      run: async (context, [id]) => (await session()).resume(context, id),
    },
    {
      usage: "toggle",
      summary: "pause or resume",
      run: async (context) => (await session()).act(context, "toggle"),
    },
    {
      usage: "stop",
      summary: "end the session and say what it came to",
      run: async (context) => (await session()).stop(context),
    },
    {
      usage: "watch",
      summary: "show it full screen; leaving it leaves it running",
      run: async (context) => (await session()).watch(context),
    },
    {
      usage: "status",
      summary: "what is tracked now",
      description: `Starts nothing. FORMAT is ${FORMATS.join(", ")}, or a template with the fields of a line of --json in braces, as in
{project} and {app}; {worked}, {paused}, {away}, {today} and {week} are times in words; {{ and }} are braces.`,
      options: [
        { flags: "--format <format>", help: `${FORMATS.join(", ")} or a template: '{worked} {project}'` },
        { flags: "--follow", help: "a line at each change; with --format, whenever it would read otherwise" },
      ],
      examples: [
        { line: "stint track status --json | jq .worked_ms", what: "" },
        { line: "stint track status --format waybar --follow", what: "for a bar" },
      ],
      run: async (context, _args, options) => (await session()).status(context, options),
    },
    {
      usage: "away <decision>",
      summary: "say what the time away was that is asked about: keep, drop, or project:NAME",
      description: `Keep counts it as work on what was worked on before, drop leaves it away, project:NAME counts it as work on
that. More than one are asked about one after another, the oldest first.`,
      options: [
        {
          flags: "--span <id>",
          help: "another time away; stint track show names them",
          parse: whole(1, 2 ** 50),
        },
      ],
      examples: [{ line: "stint track away project:meetings", what: "" }],
      run: async (context, [decision = ""], options) =>
        (await corrections()).away(context, decision, options),
    },
    {
      usage: "add",
      summary: "add time that wasn't tracked",
      options: [
        { flags: "--from <time>", help: "when it began: 14:05, or 2026-11-22 14:05", parse: pastTime },
        { flags: "--to <time>", help: "when it ended (default: now)", parse: pastTime },
        projectOption,
        tagOption,
        { flags: "--note <text>", help: "a note" },
        replaceOption,
      ],
      examples: [
        { line: "stint track add --from 14:00 --to 15:30 --project acme --note workshop", what: "" },
      ],
      run: async (context, _args, options) => (await corrections()).add(context, options),
    },
    {
      usage: "modify <span>",
      summary: "correct a span: its times, what it was, what it was for",
      description: "SPAN is its number, as stint track show tells it, or last.",
      options: [
        { flags: "--from <time>", help: "when it began", parse: pastTime },
        { flags: "--to <time>", help: "when it ended", parse: pastTime },
        { flags: "--kind <kind>", help: "work, pause or away", choices: ["work", "pause", "away"] },
        projectOption,
        newTagsOption,
        noteOption,
        replaceOption,
      ],
      examples: [{ line: "stint track modify 12 --from 13:30 --project acme", what: "" }],
      run: async (context, [span = ""], options) => (await corrections()).modify(context, span, options),
    },
    {
      usage: "split <span> <time>",
      summary: "cut a span in two, so that each can be corrected",
      examples: [{ line: "stint track split last 14:05", what: "" }],
      run: async (context, [span = "", at = ""]) => (await corrections()).split(context, span, pastTime(at)),
    },
    {
      usage: "remove <span>",
      summary: "take a span out: that time is then of no session",
      run: async (context, [span = ""]) => (await corrections()).remove(context, span),
    },
    {
      usage: "undo",
      summary: "take back the last correction: of switch, away, add, modify, split or remove",
      description: `It says what it takes back; repeated it goes back further. A delete can't be undone: right after one, undo
says so and takes nothing back (exit code 1), and only the next undo takes back what was corrected before.`,
      run: async (context) => (await corrections()).undo(context),
    },
    {
      usage: "report",
      summary: "where the time went",
      description: `Of today unless a time is asked for. Work is what was neither paused nor away. By app, title and category it is
what was on the screen while working. Keys and clicks are those of the work; sessions and show have all of them.`,
      options: [
        ...rangeOptions,
        {
          flags: "--by <what>",
          help: "app, title, category, project, tag, hour or day (default: project and app)",
          choices: ["app", "title", "category", "project", "tag", "hour", "day"],
        },
        ...filterOptions,
        { flags: "--csv", help: "as CSV" },
        {
          flags: "--html <file>",
          help: "as one page with plots and screenshots, for a browser or a printer",
        },
      ],
      examples: [
        { line: "stint track report --week --by project", what: "" },
        { line: "stint track report --from 2026-11-01 --to 2026-11-30 --html november.html", what: "" },
        { line: "stint track report --since 30d --by title --csv > titles.csv", what: "" },
      ],
      run: async (context, _args, options) => (await import("./adapters/report.ts")).report(context, options),
    },
    {
      usage: "sessions",
      summary: "the tracked sessions, newest first",
      options: [...rangeOptions, ...filterOptions, { flags: "--all", help: "every one, however old" }],
      run: async (context, _args, options) => (await sessions()).listSessions(context, options),
    },
    {
      usage: "show [id]",
      summary: "a session: what it came to, and its spans with their numbers",
      description: "ID is a session's id, or the end of it, or last (the default).",
      run: async (context, [id = "last"]) => (await sessions()).showSession(context, id),
    },
    {
      usage: "annotate <id> <text>",
      summary: "give a session a note; '' takes it away",
      run: async (context, [id = "", text = ""]) => (await sessions()).annotate(context, id, text),
    },
    {
      usage: "delete [id]",
      summary: "delete a session, or all that was tracked in a time, with its screenshots, for good",
      description: `It can't be undone, and neither can corrections of what is deleted. A session that is being tracked has to
be stopped first.`,
      options: [
        { flags: "--from <time>", help: "from a date or a time on", parse: bound },
        { flags: "--to <time>", help: "up to a date (with all of it) or a time", parse: bound },
      ],
      examples: [{ line: "stint track delete --from '2026-11-22 12:00' --to '2026-11-22 13:00'", what: "" }],
      run: async (context, [id], options) => (await sessions()).deleteData(context, id, options),
    },
    {
      usage: "screenshots",
      summary: "the screenshots",
      commands: [
        {
          usage: "list",
          summary: "list them, newest first",
          options: [...rangeOptions],
          run: async (context, _args, options) => (await screenshots()).listScreenshots(context, options),
        },
        {
          usage: "show <id>",
          summary: "show one: in the terminal, and where its file is",
          run: async (context, [id = ""]) => (await screenshots()).showScreenshot(context, id),
        },
        {
          usage: "delete <id>",
          summary: "delete one, file and row",
          run: async (context, [id = ""]) => (await screenshots()).deleteScreenshot(context, id),
        },
        {
          usage: "prune",
          summary: "delete those that are too old or too many, as the configuration says",
          run: async (context) => (await screenshots()).pruneScreenshots(context),
        },
      ],
    },
    {
      usage: "export",
      summary: "write what was tracked for other programs",
      description: `--format may be left out where the file's name tells it: .json, .csv, .ics, .data (timewarrior). json has
everything but the screenshots' files; csv, ical and timewarrior have the spans; activitywatch has windows, away and
input as an aw-server's buckets. Timewarrior has no projects: one is the tag project:NAME there.

Of a time it has what began then, whole, so that two times that follow each other have everything once; report cuts at
both ends.`,
      options: [
        formatOption,
        ...rangeOptions,
        { flags: "--output <file>", help: "a file instead of stdout" },
      ],
      examples: [
        { line: "stint track export --format timewarrior --output 2026-11.data", what: "" },
        { line: "stint track export --format activitywatch > buckets.json", what: "" },
      ],
      run: async (context, _args, options) => (await exchange()).exportData(context, options),
    },
    {
      usage: "import [file]",
      summary: "take in what other programs have tracked; what is there already isn't doubled",
      description: `Without FILE, or with -, stdin is read, and --format is needed. All of it is taken or, when a line is wrong,
nothing; what isn't over yet is left out. Where a file tells of no sessions, one ends before a gap, or after a time away,
of more than an hour. Timewarrior's tag project:NAME is the project. Titles go through track.titles and track.redact.`,
      options: [formatOption],
      examples: [
        { line: "stint track import ~/.timewarrior/data/2026-11.data", what: "" },
        { line: "stint track import --format activitywatch buckets.json", what: "" },
      ],
      run: async (context, [file], options) => (await exchange()).importData(context, file, options),
    },
    {
      usage: "doctor",
      summary: "what can be watched on this machine, by what, and what not and why",
      run: async (context) => (await import("./adapters/doctor.ts")).doctor(context),
    },
    {
      usage: "__host",
      summary: "host a session",
      hidden: true,
      run: async (context) => (await session()).host(context),
    },
    {
      usage: "__uiohook",
      summary: "count input for a host",
      hidden: true,
      run: async (context) => (await import("./adapters/senses/uiohook/child.ts")).countInput(context),
    },
  ],
};

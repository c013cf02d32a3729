import { whole } from "../kernel/arguments.ts";
import type { CommandSpec, OptionSpec } from "../kernel/command.ts";
import { milliseconds } from "../kernel/core/duration.ts";
import { Exit, Expected } from "../kernel/errors.ts";

/** `stint detect`: what can be asked, and how its words become values. The bodies are in adapters/. */

const followOption: OptionSpec = {
  flags: "--follow",
  help: "go on, a line at each change, until interrupted",
};

/** A length of time; a number alone is seconds. @returns ms */
function seconds(text: string): number {
  const ms = milliseconds(text.trim());
  if (ms !== undefined && ms > 0 && ms <= 24 * 3_600_000) return ms;
  throw new Expected(Exit.usage, `'${text}' isn't a time`, "up to 24h, as in 500ms, 2s or 10m");
}

const session = () => import("./adapters/session.ts");
const cameras = () => import("./adapters/cameras-cli.ts");
const zones = () => import("./adapters/zones-cli.ts");
const relays = () => import("./adapters/relays-cli.ts");

/** Words of the host itself, which answers with the state it has come to. */
const tell = (name: "pause" | "resume" | "stop", summary: string, description?: string): CommandSpec => ({
  usage: name,
  summary,
  ...(description === undefined ? {} : { description }),
  run: async (context) => (await session()).tell(context, name),
});

export const detectCommand: CommandSpec = {
  usage: "detect",
  summary: "switch relays when a person is in a zone of a camera",
  description: `Cameras are looked at for people; a zone is an area of a camera's picture; a relay is switched by zones. What is
installed stands in one file: stint detect check says where. This is not a certified safety function: see the README.`,
  examples: [
    { line: "stint detect cameras add hall rtsp://10.0.0.7/stream1", what: "a camera" },
    { line: "stint detect zones edit hall", what: "draw its zones" },
    { line: "stint detect run --dry-run", what: "a walk test: everything but the relays" },
  ],
  commands: [
    {
      usage: "run",
      summary: "look at the cameras and switch the relays",
      description: `Full screen on a terminal; on a pipe a line at each event. Ctrl+C, SIGTERM and stop end it in order: relays off and
read back, then the cameras. After a crash or a signal it goes on under the same session, paused
if it was paused. Where it runs already, it is shown.`,
      options: [
        { flags: "--dry-run", help: "the walk test: all but the relays, with the latency of each trip" },
        { flags: "--detach", help: "in the background: return once it runs" },
      ],
      examples: [
        { line: "stint detect run", what: "" },
        { line: "stint detect run --detach && stint detect status --json", what: "in the background" },
      ],
      run: async (context, _args, options) => (await session()).run(context, options),
    },
    tell("pause", "close cameras and switch all relays off, until resume"),
    tell("resume", "go on after a pause"),
    tell("stop", "end in order: relays off, cameras closed"),
    {
      usage: "status",
      summary: "what it sees and what is switched",
      description: "Exits with 69 when it doesn't run. Starts nothing.",
      options: [followOption],
      examples: [{ line: "stint detect status --json | jq .relays", what: "one line of JSON" }],
      run: async (context, _args, options) => (await session()).status(context, options),
    },
    {
      usage: "watch",
      summary: "show it full screen; leaving it leaves it running",
      run: async (context) => (await session()).watch(context),
    },
    {
      usage: "arm [zones...]",
      summary: "let zones trip, until disarm or the schedule says otherwise",
      description: "ZONES are written camera/zone, with * and ?; all without.",
      run: async (context, names) => (await session()).arm(context, names, true),
    },
    {
      usage: "disarm [zones...]",
      summary: "keep zones from tripping; what a permit zone permits is off then",
      run: async (context, names) => (await session()).arm(context, names, false),
    },
    {
      usage: "cameras",
      summary: "the cameras",
      commands: [
        {
          usage: "add <name> <url>",
          summary: "add a camera",
          description: `URL is rtsp://, rtsps://, http://, https://, file:// or v4l2:///dev/video0. It is tried first. A password in it is
kept in the configuration file (mode 0600) and shown nowhere. URL - reads it from stdin.`,
          options: [
            { flags: "--fps <n>", help: "pictures a second to look at (default: 5)", parse: whole(2, 30) },
            { flags: "--no-test", help: "don't try it first" },
          ],
          examples: [{ line: "stint detect cameras add hall rtsp://user:secret@10.0.0.7/stream1", what: "" }],
          run: async (context, [name = "", url = ""], options) =>
            (await cameras()).add(context, name, url, options),
        },
        {
          usage: "list",
          summary: "the cameras that are configured",
          run: async (context) => (await cameras()).list(context),
        },
        {
          usage: "test [names...]",
          summary: "open cameras and say what they give",
          description: "Exits with 1 when one gives no picture.",
          run: async (context, names) => (await cameras()).test(context, names),
        },
        {
          usage: "remove <name>",
          summary: "remove a camera and its zones",
          run: async (context, [name = ""]) => (await cameras()).remove(context, name),
        },
      ],
    },
    {
      usage: "zones",
      summary: "the zones of the cameras",
      commands: [
        {
          usage: "edit <camera>",
          summary: "draw, move and delete zones on a picture of the camera",
          run: async (context, [camera = ""]) => (await zones()).edit(context, camera),
        },
        { usage: "list", summary: "the zones", run: async (context) => (await zones()).list(context) },
        {
          usage: "show [camera]",
          summary: "a picture of the camera with its zones",
          options: [{ flags: "--png <file>", help: "write it to a PNG file (- for stdout)" }],
          examples: [{ line: "stint detect zones show hall --png hall.png", what: "" }],
          run: async (context, [camera], options) => (await zones()).show(context, camera, options),
        },
        {
          usage: "export [file]",
          summary: "the zones of all cameras, as JSON",
          run: async (context, [file]) => (await zones()).exportZones(context, file),
        },
        {
          usage: "import [file]",
          summary: "take zones from what export wrote; those of the same name are replaced",
          run: async (context, [file]) => (await zones()).importZones(context, file),
        },
      ],
    },
    {
      usage: "relay",
      summary: "the relays",
      commands: [
        {
          usage: "list",
          summary: "boards that are plugged in, and relays that are configured",
          run: async (context) => (await relays()).list(context),
        },
        {
          usage: "add <id>",
          summary: "name a relay of a board",
          description: "Without --board it is of the one board there is.",
          options: [
            { flags: "--board <name>", help: "a board's name, or the serial of one that is plugged in" },
            { flags: "--channel <n>", help: "which of its relays, from 1 (default: 1)", parse: whole(1, 8) },
            { flags: "--simulated", help: "a board that is simulated, to try things out" },
          ],
          examples: [{ line: "stint detect relay add lamp --channel 2", what: "" }],
          run: async (context, [id = ""], options) => (await relays()).add(context, id, options),
        },
        {
          usage: "remove <id>",
          summary: "forget a relay",
          run: async (context, [id = ""]) => (await relays()).remove(context, id),
        },
        {
          usage: "on <id>",
          summary: "switch a relay on by hand",
          description: `Where detect doesn't run, this holds it on itself, guarded, until it is interrupted: no relay is on that nobody
holds. A relay of permit zones is never switched on by hand: this only gives back what off has withdrawn.`,
          options: [
            { flags: "--for <duration>", help: "for so long; a number alone is seconds", parse: seconds },
          ],
          run: async (context, [id = ""], options) => (await relays()).on(context, id, options),
        },
        {
          usage: "off [ids...]",
          summary: "switch relays off; all without",
          description: "An alarm is on again at the next trip of a zone, a permit not before relay on.",
          run: async (context, ids) => (await relays()).off(context, ids),
        },
        {
          usage: "pulse <id>",
          summary: "on for a moment",
          options: [
            {
              flags: "--for <duration>",
              help: "how long (default: 500 ms); a number alone is seconds",
              parse: seconds,
            },
          ],
          run: async (context, [id = ""], options) => (await relays()).pulse(context, id, options),
        },
        {
          usage: "test [ids...]",
          summary: "switch each on and off and read it back",
          description:
            "Exits with 1 when one doesn't do as it was told. Relays of permit zones are left out while detect runs.",
          run: async (context, ids) => (await relays()).test(context, ids),
        },
        {
          usage: "ack [ids...]",
          summary: "acknowledge latched relays; all without",
          run: async (context, ids) => (await relays()).ack(context, ids),
        },
        {
          usage: "udev-rule",
          summary: "the udev rule that lets this user open relay boards",
          examples: [
            {
              line: "stint detect relay udev-rule | sudo tee /etc/udev/rules.d/60-stint-relay.rules",
              what: "",
            },
          ],
          run: async (context) => (await relays()).udevRule(context),
        },
      ],
    },
    {
      usage: "snapshots",
      summary: "pictures and clips of trips",
      commands: [
        {
          usage: "list",
          summary: "those that are kept, the newest first",
          options: [
            { flags: "-n, --lines <n>", help: "at most so many (default: 100)", parse: whole(0, 1_000_000) },
          ],
          run: async (context, _args, options) =>
            (await import("./adapters/snapshots-cli.ts")).list(context, options),
        },
        {
          usage: "show <event>",
          summary: "where an event's picture and clip are, or the picture itself",
          options: [{ flags: "--png <file>", help: "write the picture to a PNG file (- for stdout)" }],
          run: async (context, [event = ""], options) =>
            (await import("./adapters/snapshots-cli.ts")).show(context, event, options),
        },
        {
          usage: "prune",
          summary: "remove what is older or more than is to be kept",
          options: [{ flags: "--all", help: "remove all of them" }],
          run: async (context, _args, options) =>
            (await import("./adapters/snapshots-cli.ts")).prune(context, options),
        },
      ],
    },
    {
      usage: "events",
      summary: "what has happened",
      description: "People, trips, relays, cameras, the guard; the oldest first. They outlive the session.",
      options: [
        {
          flags: "-n, --lines <n>",
          help: "at most so many of the last (default: 100)",
          parse: whole(0, 10_000_000),
        },
        followOption,
      ],
      run: async (context, _args, options) =>
        (await import("./adapters/events-cli.ts")).events(context, options),
    },
    {
      usage: "check",
      summary: "check the configuration; run nothing",
      run: async (context) => (await import("./adapters/check.ts")).check(context),
    },
    {
      usage: "health",
      summary: "whether everything is well",
      description: "Exits with 1 when something isn't, with 69 when it doesn't run.",
      run: async (context) => (await import("./adapters/health-cli.ts")).health(context),
    },
    {
      usage: "soak",
      summary: "run the whole against faults and say whether anything grows",
      description: `Runs what is configured on a simulated board, with cameras that are cut, frozen and brought back. A line of JSON each
minute: CPU, RSS, disk, descriptors, children. Exits with 1 when one of them grew.`,
      options: [
        {
          flags: "--minutes <n>",
          help: "how long (default: 30; the release check is 1440)",
          parse: whole(1, 100_000),
        },
        { flags: "--output <file>", help: "where the lines go (default: stdout)" },
      ],
      run: async (context, _args, options) => (await import("./adapters/soak.ts")).soak(context, options),
    },
    {
      usage: "__host",
      summary: "host it in the background",
      hidden: true,
      run: async (context) => (await session()).host(context),
    },
    {
      usage: "__guard",
      summary: "hold relay boards and switch them off when the host falls silent",
      hidden: true,
      run: async (context) => (await import("./adapters/guard/process.ts")).guard(context),
    },
    {
      usage: "__board <socket>",
      summary: "be a simulated relay board",
      hidden: true,
      options: [
        { flags: "--serial <text>", help: "five characters" },
        { flags: "--channels <n>", help: "how many relays", parse: whole(1, 8) },
        { flags: "--log <file>", help: "a line of JSON for each write, with its time" },
      ],
      run: async (context, [socket = ""], options) =>
        (await import("./adapters/relay/simulated-board.ts")).simulate(context, socket, options),
    },
  ],
};

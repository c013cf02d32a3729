import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { notifications } from "../../src/pomo/adapters/notices/notify.ts";
import type { Moment } from "../../src/pomo/core/notices.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";
import { type Desktop, openDesktop } from "./fixture-desktop.ts";
import { Folder, KeptLog, moment } from "./fixture-notices.ts";

const rest: Moment = {
  ...moment,
  session_type: "SHORT_BREAK",
  duration_ms: 300_000,
  next_type: "WORK",
};

let folder: Folder;
let log: KeptLog;
beforeEach(() => {
  folder = new Folder();
  log = new KeptLog();
});
afterEach(() => folder[Symbol.dispose]());

/** A PATH on which there is no notify-send. */
const bare = () => folder.path;

describe.each([
  ["notify-send", () => ({})],
  ["no notify-send", () => ({ PATH: bare() })],
])("on a desktop with %s", (_, without) => {
  let desktop: Desktop;
  let home: Home;
  beforeEach(async () => {
    desktop = await openDesktop();
    home = enterHome({ ...desktop.env, ...without() });
  });
  afterEach(async () => {
    home[Symbol.dispose]();
    await desktop[Symbol.asyncDispose]();
  });

  test("a notification says what begins, and the next of the session takes its place", async () => {
    await using teller = notifications(log);
    teller.tell("WORK_STARTED", moment);
    const [first] = await desktop.shown(1);
    expect(first).toMatchObject({
      app: "stint",
      title: "Work: 25 min",
      body: "write the report\nRound 2 of 4",
    });
    teller.tell("SHORT_BREAK_STARTED", rest);
    const [, second] = await desktop.shown(2);
    expect(second).toMatchObject({ title: "Short break: 5 min", id: first?.id ?? 0 });
    teller.tell("WORK_STARTED", { ...moment, session_id: "0199-b" });
    const [, , third] = await desktop.shown(3);
    expect(third?.id).not.toBe(first?.id ?? 0);
    expect(log.lines).toEqual([]);
  });

  test("what happened while nobody was there is told", async () => {
    await using teller = notifications(log);
    teller.tellAway?.({ ...moment, notice: "suspended for 12 min" });
    expect((await desktop.shown(1))[0]).toMatchObject({
      title: "While you were away",
      body: "Suspended for 12 min\nwrite the report",
    });
  });

  test("a task is shown as it is called", async () => {
    await using teller = notifications(log);
    teller.tell("WORK_STARTED", { ...moment, task: "--help <b>C:\\new\\\\</b> & “ünïcode” \\" });
    expect((await desktop.shown(1))[0]?.body).toBe(
      "--help &lt;b&gt;C:\\new\\\\&lt;/b&gt; &amp; “ünïcode” \\\nRound 2 of 4",
    );
    expect(log.lines).toEqual([]);
  });

  test("while one is on its way the newest waits", async () => {
    await using teller = notifications(log);
    for (let round = 1; round <= 50; round++) teller.tell("WORK_STARTED", { ...moment, round });
    const shown = await desktop.shown(1);
    expect(shown.map(({ body }) => body)).toEqual(["write the report\nRound 50 of 4"]);
  });

  test("the last one is shown though the host ends", async () => {
    const teller = notifications(log);
    teller.tell("WORK_COMPLETED", { ...moment, state: "paused" });
    await teller[Symbol.asyncDispose]();
    expect((await desktop.shown(1))[0]?.title).toBe("Work done");
  });
});

test("an old notify-send, that can't replace one, shows them all the same", async () => {
  await using desktop = await openDesktop();
  const real = Bun.which("notify-send");
  folder.program(
    "notify-send",
    `for option in "$@"; do case "$option" in --print-id|--replace-id*)
       echo "Unknown option $option" >&2; exit 1;; esac; done
     echo . >> "$HERE/calls"; exec ${real} "$@"`,
  );
  using _ = enterHome({ ...desktop.env, PATH: `${folder.path}:${process.env["PATH"]}` });
  await using teller = notifications(log);
  teller.tell("WORK_STARTED", moment);
  await desktop.shown(1);
  teller.tell("SHORT_BREAK_STARTED", rest);
  expect((await desktop.shown(2)).map(({ title }) => title)).toEqual(["Work: 25 min", "Short break: 5 min"]);
  expect(log.lines).toEqual([]);
});

test("without a desktop nothing is tried", async () => {
  folder.program("notify-send", 'echo called > "$HERE/called"');
  using _ = enterHome({
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
    DBUS_SESSION_BUS_ADDRESS: undefined,
    PATH: `${folder.path}:${process.env["PATH"]}`,
  });
  const teller = notifications(log);
  teller.tell("WORK_STARTED", moment);
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("called")).toEqual([]);
  expect(log.lines).toEqual([]);
});

describe("a desktop that doesn't answer is one warning:", () => {
  /** Tells twice. */
  const tell = async (env: Record<string, string | undefined>) => {
    using _ = enterHome({ DISPLAY: undefined, WAYLAND_DISPLAY: undefined, ...env });
    const teller = notifications(log);
    teller.tell("WORK_STARTED", moment);
    await until(() => log.lines.length > 0);
    teller.tell("SHORT_BREAK_STARTED", rest);
    await teller[Symbol.asyncDispose]();
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
    return log.warnings[0];
  };

  test("by notify-send", async () => {
    const words = await tell({ DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder.file("gone")}` });
    expect(words).toStartWith("notifications aren't shown: notify-send: ");
  });

  test.each([
    ["a bus that is gone", () => `unix:path=${folder.file("gone")}`, "ENOENT"],
    ["an address that is none", () => "rubbish", ""],
    ["an address of a kind that isn't spoken", () => "unix:abstract=/tmp/none", ""],
  ])("%s", async (_, address, words) => {
    expect(await tell({ DBUS_SESSION_BUS_ADDRESS: address(), PATH: bare() })).toMatch(
      new RegExp(`^notifications aren't shown: .*${words}`),
    );
  });

  test("a bus that says nothing, and the host ends", async () => {
    const silence = createServer(() => {});
    await new Promise<void>((resolve) => silence.listen(folder.file("bus"), resolve));
    using _ = enterHome({ DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder.file("bus")}`, PATH: bare() });
    const teller = notifications(log);
    teller.tell("WORK_STARTED", moment);
    await teller[Symbol.asyncDispose]();
    expect(log.warnings).toEqual(["notifications aren't shown: the session's bus doesn't answer"]);
    silence.close();
  });
});

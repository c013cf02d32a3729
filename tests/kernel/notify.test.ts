import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { bodyOf } from "../../src/kernel/core/notice.ts";
import { notifier } from "../../src/kernel/notify.ts";
import { type Desktop, openDesktop } from "../support/desktop.ts";
import { Folder } from "../support/folder.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

const one = { title: "One", body: "the first" };
const two = { title: "Two", body: "the second" };

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

  test("a notification takes the place of the last under its key", async () => {
    await using desk = notifier(log);
    desk.show(one, "a");
    const [first] = await desktop.shown(1);
    expect(first).toMatchObject({ app: "stint", ...one });
    desk.show(two, "b");
    const [, second] = await desktop.shown(2);
    expect(second?.id).not.toBe(first?.id ?? 0);
    desk.show({ ...two, body: "again" }, "a");
    const [, , third] = await desktop.shown(3);
    expect(third).toMatchObject({ title: "Two", body: "again", id: first?.id ?? 0 });
    desk.show(one);
    const [, , , fourth] = await desktop.shown(4);
    expect([first?.id, second?.id]).not.toContain(fourth?.id ?? 0);
    expect(log.lines).toEqual([]);
  });

  test("a body is shown as it is written, whatever it looks like", async () => {
    await using desk = notifier(log);
    const text = bodyOf("--help <b>C:\\new\\\\</b> & “ünïcode” \\", null, "", "a\nb");
    desk.show({ title: "--version", body: text });
    expect((await desktop.shown(1))[0]).toMatchObject({
      title: "--version",
      body: "--help &lt;b&gt;C:\\new\\\\&lt;/b&gt; &amp; “ünïcode” \\\na b",
    });
    expect(log.lines).toEqual([]);
  });

  test("while one is on its way the newest waits", async () => {
    await using desk = notifier(log);
    for (let n = 1; n <= 50; n++) desk.show({ title: "One", body: String(n) });
    expect((await desktop.shown(1)).map(({ body }) => body)).toEqual(["50"]);
  });

  test("the last one is shown though the host ends", async () => {
    const desk = notifier(log);
    desk.show(one);
    await desk[Symbol.asyncDispose]();
    expect((await desktop.shown(1))[0]?.title).toBe("One");
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
  await using desk = notifier(log);
  desk.show(one, "a");
  await desktop.shown(1);
  desk.show(two, "a");
  expect((await desktop.shown(2)).map(({ title }) => title)).toEqual(["One", "Two"]);
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
  const desk = notifier(log);
  desk.show(one, "a");
  await desk[Symbol.asyncDispose]();
  expect(folder.lines("called")).toEqual([]);
  expect(log.lines).toEqual([]);
});

describe("a desktop that doesn't answer is one warning:", () => {
  /** Tells twice. */
  const tell = async (env: Record<string, string | undefined>) => {
    using _ = enterHome({ DISPLAY: undefined, WAYLAND_DISPLAY: undefined, ...env });
    const desk = notifier(log);
    desk.show(one, "a");
    await until(() => log.lines.length > 0);
    desk.show(two, "a");
    await desk[Symbol.asyncDispose]();
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
    const desk = notifier(log);
    desk.show(one, "a");
    await desk[Symbol.asyncDispose]();
    expect(log.warnings).toEqual(["notifications aren't shown: the session's bus doesn't answer"]);
    silence.close();
  });
});

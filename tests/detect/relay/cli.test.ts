import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadInstallation } from "../../../src/detect/adapters/installation.ts";
import * as relays from "../../../src/detect/adapters/relays-cli.ts";
import type { Options } from "../../../src/kernel/command.ts";
import { BoardProcess } from "../../support/board.ts";
import { DetectBox } from "../../support/detect.ts";
import { Folder } from "../../support/folder.ts";
import { enterHome, type Home } from "../../support/home.ts";
import { inProcess } from "../../support/in-process.ts";
import { type Line, Sandbox, stint, until } from "../../support/sandbox.ts";

/** A home with two relays of a board that is simulated: one of its own, or one that is there already. */
class Box extends Sandbox {
  constructor(board?: BoardProcess) {
    super(stint.source);
    const folder = join(this.home, "config/stint");
    mkdirSync(folder, { recursive: true });
    const socket = board ? `, socket: ${board.socket}` : "";
    writeFileSync(
      join(folder, "detect.yaml"),
      `version: 2
boards: [{name: simulated, kind: simulator${socket}}]
relays: [{id: lamp, board: simulated}, {id: horn, board: simulated, channel: 2}]
`,
    );
  }

  relay(...args: string[]) {
    return this.run(["detect", "relay", ...args]);
  }

  /** Starts `relay on`. Resolves once it is on. */
  async on(board: BoardProcess, ...args: string[]) {
    const child = this.start(["detect", "relay", "on", "lamp", ...args]);
    await until(() => board.bits === 1);
    return child;
  }
}

describe("stint detect relay", () => {
  test.concurrent("test, pulse and off work without a host, and leave nothing behind", async () => {
    await using box = new Box();
    const tested = await box.relay("test");
    expect(tested.lines.map(({ id, ok }: Line) => [id, ok])).toEqual([
      ["lamp", true],
      ["horn", true],
    ]);
    expect((await box.relay("pulse", "lamp")).lines).toEqual([
      { v: 1, type: "relay", id: "lamp", ok: true, text: "on for 500ms, then off" },
    ]);
    expect((await box.relay("off")).code).toBe(0);
    expect(
      await until(
        () => box.processes(),
        (pids) => pids.length === 0,
      ),
    ).toEqual([]);
    expect(readdirSync(join(box.home, "run/stint"))).toEqual([]);
    const locks = readdirSync(join(box.home, "state/stint")).filter((name) => name.startsWith("relay"));
    expect(locks).toEqual([]);
  });

  test.concurrent("on holds it on until it is interrupted, and nobody else gets the board meanwhile", async () => {
    using place = new Folder();
    await using board = await BoardProcess.start(place.path);
    await using box = new Box(board);
    const child = await box.on(board);
    const other = await box.relay("on", "horn");
    expect([other.code, other.err]).toEqual([75, expect.stringContaining(`in use by pid ${child.pid}`)]);
    expect(board.bits).toBe(1);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(board.bits).toBe(0);
    expect(await child.stdout.text()).toContain('"text":"on for 10m"');
  });

  test.concurrent("on that is killed leaves nothing on and nothing behind", async () => {
    using place = new Folder();
    await using board = await BoardProcess.start(place.path);
    await using box = new Box(board);
    const child = await box.on(board, "--for", "1h");
    child.kill("SIGKILL");
    await until(() => board.bits === 0);
    await until(() => box.processes().length === 0);
    // And the board is free again.
    expect((await box.relay("test")).code).toBe(0);
  });

  test.concurrent("a board that is away is an answer, and exits with 1", async () => {
    using place = new Folder();
    await using board = await BoardProcess.start(place.path);
    await using box = new Box(board);
    const child = await box.on(board);
    await board.unplug();
    expect(await child.exited).toBe(1);
    expect(await child.stdout.text()).toContain('"ok":false');
    expect(await child.stderr.text()).toContain("not known to be off: board simulated: there is no");
    const away = await box.relay("pulse", "lamp");
    expect([away.code, away.err]).toEqual([69, expect.stringContaining("no simulated board at")]);
  });
});

describe("with a host, whatever has become of the file", () => {
  test.concurrent("relays are switched, tried and listed as the host knows them", async () => {
    await using box = new DetectBox(stint.source);
    const board = await box.board();
    const installed = {
      cameras: [{ name: "away", url: "rtsp://127.0.0.1:1/x" }],
      boards: [{ name: "sim", kind: "simulator", socket: board.socket }],
      relays: [
        { id: "lamp", board: "sim" },
        { id: "horn", board: "sim", channel: 2 },
      ],
    };
    box.install(installed);
    await box.do("run", "--detach");
    await box.until(({ guard }) => guard.state === "ok");
    expect(await box.do("relay", "on", "lamp")).toMatchObject({ id: "lamp", ok: true });
    expect(board.bits).toBe(1);
    box.install({ ...installed, relays: [{ id: "lamp", borad: "sim" }] });

    const listed = await box.run(["detect", "relay", "list"]);
    expect(listed.code).toBe(0);
    const relay = { v: 1, type: "relay", board: "sim", mode: "alarm" };
    expect(listed.lines.filter(({ type }) => type === "relay")).toEqual([
      { ...relay, id: "lamp", channel: 1, state: "on" },
      { ...relay, id: "horn", channel: 2, state: "off" },
    ]);
    expect(listed.err).toMatch(/detect\.yaml:\d+:\d+: .*borad.*: detect goes on with what it had/);

    expect(await box.do("relay", "off", "lamp")).toMatchObject({ id: "lamp", ok: true, text: "off" });
    expect(board.bits).toBe(0);
    expect(await box.do("relay", "pulse", "horn")).toMatchObject({ id: "horn", ok: true });
    expect(await box.do("relay", "off")).toMatchObject({ ok: true });
    expect(board.bits).toBe(0);
    expect((await box.run(["detect", "relay", "test"])).code).toBe(0);
    expect((await box.run(["detect", "relay", "ack"])).code).toBe(0);
    const unknown = await box.run(["detect", "relay", "off", "lmap", "lamp"]);
    expect([unknown.code, unknown.lines.map(({ ok, text }) => [ok, text])]).toEqual([
      1,
      [
        [false, "there is no such relay"],
        [true, "off"],
      ],
    ]);
    await box.do("stop");
    // Nobody knows which boards there are.
    const alone = await box.run(["detect", "relay", "off", "lamp"]);
    expect([alone.code, alone.err]).toEqual([78, expect.stringContaining("borad")]);
  });
});

describe("in the file", () => {
  let home: Home;
  beforeEach(() => {
    home = enterHome();
  });
  afterEach(() => home[Symbol.dispose]());
  /** Where boards are looked for: their library isn't loaded by a test runner. */
  const run = (...args: string[]) => {
    const command = [...stint.source, "detect", "relay", ...args];
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env: process.env });
    const lines = stdout.toString().split("\n").slice(0, -1);
    return { lines: lines.map((line) => JSON.parse(line)), err: stderr.toString(), code: exitCode };
  };
  const add = (id: string, options: Options = {}) => inProcess((context) => relays.add(context, id, options));
  const remove = (id: string) => inProcess((context) => relays.remove(context, id));

  test("add and remove name relays", async () => {
    const none = run("add", "lamp");
    expect([none.code, none.err]).toEqual([69, expect.stringContaining("--simulated")]);
    expect((await add("lamp", { simulated: true, channel: 2 })).lines).toEqual([
      expect.objectContaining({ type: "relay_added", id: "lamp", board: "simulated", channel: 2 }),
    ]);
    // The one board there is by now.
    await add("horn", { channel: 3 });
    const twice = await add("horn");
    expect([twice.code, twice.err]).toEqual([2, expect.stringContaining("horn")]);
    const relay = { v: 1, type: "relay", board: "simulated", mode: "alarm", state: null };
    expect(run("list").lines).toEqual([
      { ...relay, id: "lamp", channel: 2 },
      { ...relay, id: "horn", channel: 3 },
    ]);
    expect((await remove("hron")).err).toContain("did you mean horn?");
    expect((await remove("horn")).code).toBe(0);
    expect((await loadInstallation("default")).installation.relays.map(({ id }) => id)).toEqual(["lamp"]);
    expect((await inProcess((context) => relays.ack(context, []))).code).toBe(69);
  });

  test("remove tells which zones had it, and which of them switch nothing now", async () => {
    const folder = join(home.path, "config/stint");
    mkdirSync(folder, { recursive: true });
    const points = "points: [[0, 0], [1, 0], [1, 1]]";
    writeFileSync(
      join(folder, "detect.yaml"),
      `version: 2
cameras:
  - name: hall
    url: /film.mp4
    zones:
      - {name: press, ${points}, relays: [lamp]}
      - {name: dock, ${points}, relays: [lamp, horn]}
      - {name: door, ${points}}
boards: [{name: simulated, kind: simulator}]
relays: [{id: lamp}, {id: horn, channel: 2}]
`,
    );
    const { code, lines, err } = await remove("lamp");
    expect([code, err]).toEqual([0, "hall/press switches no relay now\n"]);
    expect(lines).toEqual([{ v: 1, type: "relay_removed", id: "lamp", zones: ["hall/press", "hall/dock"] }]);
  });

  test("udev-rule prints a rule and nothing else", async () => {
    const { code, out } = await inProcess(relays.udevRule);
    expect([code, out]).toEqual([0, expect.stringMatching(/^(#.*\n)*KERNEL=="hidraw\*".*\n$/)]);
  });
});

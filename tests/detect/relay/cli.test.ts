import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BoardProcess } from "../../support/board.ts";
import { type Line, Sandbox, stint, until } from "../../support/sandbox.ts";

/** A home with two relays of a board that is simulated. */
class Box extends Sandbox {
  constructor() {
    super(stint.source);
  }

  relay(...args: string[]) {
    return this.run(["detect", "relay", ...args]);
  }

  /** Takes a board that is there already for the one of the relays. */
  async use(board: BoardProcess): Promise<void> {
    await this.relay("add", "lamp", "--simulated");
    await this.relay("add", "horn", "--channel", "2");
    const path = join(this.home, "config/stint/detect.yaml");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace("kind: simulator", `kind: simulator\n    socket: ${board.socket}`));
  }

  /** Starts `relay on`. Resolves once it is on. */
  async on(board: BoardProcess, ...args: string[]) {
    const child = this.start(["detect", "relay", "on", "lamp", ...args]);
    await until(() => board.bits === 1);
    return child;
  }
}

describe("stint detect relay", () => {
  test.concurrent("add and remove name relays", async () => {
    await using box = new Box();
    const none = await box.relay("add", "lamp");
    expect([none.code, none.err]).toEqual([69, expect.stringContaining("--simulated")]);
    expect((await box.relay("add", "lamp", "--simulated", "--channel", "2")).lines).toEqual([
      expect.objectContaining({ type: "relay_added", id: "lamp", board: "simulated", channel: 2 }),
    ]);
    // The one board there is by now.
    await box.relay("add", "horn", "--channel", "3");
    const twice = await box.relay("add", "horn");
    expect([twice.code, twice.err]).toEqual([2, expect.stringContaining("horn")]);
    const relay = { v: 1, type: "relay", board: "simulated", mode: "alarm", state: null };
    expect((await box.relay("list")).lines).toEqual([
      { ...relay, id: "lamp", channel: 2 },
      { ...relay, id: "horn", channel: 3 },
    ]);
    expect((await box.relay("remove", "hron")).err).toContain("did you mean horn?");
    expect((await box.relay("remove", "horn")).code).toBe(0);
    expect((await box.relay("list")).lines).toHaveLength(1);
  });

  test.concurrent("test, pulse and off work without a host, and leave nothing behind", async () => {
    await using box = new Box();
    await box.relay("add", "lamp", "--simulated");
    const tested = await box.relay("test");
    expect(tested.lines.map(({ id, ok }: Line) => [id, ok])).toEqual([["lamp", true]]);
    expect((await box.relay("pulse", "lamp", "--for", "1")).lines).toEqual([
      { v: 1, type: "relay", id: "lamp", ok: true, text: "on for 1 s, then off" },
    ]);
    expect((await box.relay("off")).code).toBe(0);
    expect((await box.relay("ack")).code).toBe(69);
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
    await using box = new Box();
    await using board = await BoardProcess.start(box.home);
    await box.use(board);
    const child = await box.on(board);
    const other = await box.relay("on", "horn");
    expect([other.code, other.err]).toEqual([75, expect.stringContaining(`in use by pid ${child.pid}`)]);
    expect(board.bits).toBe(1);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(board.bits).toBe(0);
    expect(await child.stdout.text()).toContain('"text":"on for 10 min"');
  });

  test.concurrent("on that is killed leaves nothing on and nothing behind", async () => {
    await using box = new Box();
    await using board = await BoardProcess.start(box.home);
    await box.use(board);
    const child = await box.on(board, "--for", "1h");
    child.kill("SIGKILL");
    await until(() => board.bits === 0);
    await until(() => box.processes().length === 0);
    // And the board is free again.
    expect((await box.relay("test")).code).toBe(0);
  });

  test.concurrent("a board that is away is an answer, and exits with 1", async () => {
    await using box = new Box();
    await using board = await BoardProcess.start(box.home);
    await box.use(board);
    const child = await box.on(board);
    await board.unplug();
    expect(await child.exited).toBe(1);
    expect(await child.stdout.text()).toContain('"ok":false');
    expect(await child.stderr.text()).toContain("not known to be off: board simulated: there is no");
    const away = await box.relay("pulse", "lamp");
    expect([away.code, away.err]).toEqual([69, expect.stringContaining("no simulated board at")]);
  });

  test.concurrent("udev-rule prints a rule and nothing else", async () => {
    await using box = new Box();
    const { code, out } = await box.relay("udev-rule");
    expect([code, out]).toEqual([0, expect.stringMatching(/^(#.*\n)*KERNEL=="hidraw\*".*\n$/)]);
  });
});

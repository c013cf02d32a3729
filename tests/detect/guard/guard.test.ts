import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { Guard, type GuardEvents } from "../../../src/detect/adapters/guard/client.ts";
import type { BoardConfig } from "../../../src/detect/core/installation.ts";
import { type Clock, systemClock } from "../../../src/kernel/clock.ts";
import { message } from "../../../src/kernel/errors.ts";
import { processStat } from "../../../src/kernel/runtime.ts";
import { BoardProcess, FaultyBoard, fromSource, simulated } from "../../support/board.ts";
import { Folder } from "../../support/folder.ts";
import { enterHome, type Home, Other } from "../../support/home.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { until } from "../../support/sandbox.ts";

/** How often a guard is killed in a row; of the bench that is 50. */
const RESTARTS = 8;

let home: Home;
beforeAll(() => {
  home = enterHome();
});
afterAll(() => home[Symbol.dispose]());

async function open(boards: readonly BoardConfig[], clock: Clock = systemClock) {
  const told: string[] = [];
  const log = new KeptLog();
  const events: GuardEvents = {
    fired: (why) => void told.push(`fired: ${why}`),
    dead: (why) => void told.push(`dead: ${why}`),
    ready: () => void told.push("ready"),
    board: (name, present, why) => void told.push(present ? `${name} back` : `${name} away: ${why}`),
  };
  const options = { log, clock, events, command: fromSource };
  const guard = await Guard.open(boards, options, new AbortController().signal);
  return { guard, told, log };
}

/**
 * Why something was refused; "" when it wasn't. (Bun's `expect().rejects` waits for it in a loop of its own, in which the
 * tests beside it and their processes come to a standstill.)
 */
const refusal = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "",
    (error) => message(error),
  );

const isGone = (pid: number) => processStat(pid)?.zombie !== false;

/** A host in another process. */
class HostProcess extends Other {
  constructor(boards: readonly BoardProcess[]) {
    const words = boards.map(({ name, socket }) => `${name}=${socket}`);
    super([process.execPath, join(import.meta.dirname, "fixture-host.ts"), "source", ...words]);
  }

  async said(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.line()) as Record<string, unknown>;
  }
}

describe("a guard", () => {
  test.concurrent("switches all off before it is ready, then switches and reads back", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard } = await open([board.config]);
    await using _ = guard;
    expect(board.writes.map((write) => write.do)).toEqual(["all_off"]);
    expect(guard.state).toBe("ok");
    expect(guard.boardState("board")).toEqual({ present: true, bits: 0, serial: "BITFT" });
    expect(guard.boardState("other")).toEqual({ present: false, bits: null, serial: null });

    const { tookMs } = await guard.set("board", 3, true);
    expect(tookMs).toBeLessThan(1_000);
    expect(guard.boardState("board").bits).toBe(0b100);
    expect(board.bits).toBe(0b100);
    await guard.set("board", 3, false);
    expect(board.bits).toBe(0);
    expect(await refusal(guard.set("board", 9, true))).toContain("it has no relay 9");
    expect(await refusal(guard.set("other", 1, true))).toContain("there is no board other");

    await guard.set("board", 8, true);
    await guard.allOff();
    expect([board.bits, guard.boardState("board").bits]).toEqual([0, 0]);
    // An epoch later it can be switched on again.
    await guard.set("board", 1, true);
    expect(board.bits).toBe(1);
  });

  test.concurrent("alone writes ON, and holds nothing but its pipes and the board", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard } = await open([board.config]);
    await using _ = guard;
    await guard.set("board", 1, true);
    const pid = guard.pid as number;
    for (const write of board.writes.filter((each) => each.do === "on")) expect(write.pid).toBe(pid);

    const stat = processStat(pid);
    expect([stat?.session, stat?.group]).toEqual([pid, pid]);
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(-3);
    expect(command).toEqual(["detect", "__guard", ""]);
    const files = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
    const own = /^(socket|pipe|anon_inode):|^\/dev\/(null|urandom)$|\/relay-[^/]+\.lock$|^\/(proc|sys)\//;
    expect(files.filter((file) => !own.test(file))).toEqual([]);
    // Its three pipes, and one to the board.
    expect(files.filter((file) => /^(socket|pipe):/.test(file)).length).toBeLessThanOrEqual(4);
  });

  test.concurrent("takes no notice of INT, TERM, HUP, QUIT and PIPE", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard, told } = await open([board.config]);
    await using _ = guard;
    await guard.set("board", 1, true);
    for (let round = 0; round < 2; round++) {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE"] as const) {
        process.kill(guard.pid as number, name);
      }
    }
    await guard.set("board", 2, true);
    expect(board.bits).toBe(0b11);
    expect([guard.state, told]).toEqual(["ok", []]);
  });

  test.concurrent("leaves nothing behind when it is ended", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard } = await open([board.config]);
    const pid = guard.pid as number;
    await guard.set("board", 1, true);
    await guard[Symbol.asyncDispose]();
    expect(board.bits).toBe(0);
    expect(isGone(pid)).toBe(true);
    expect([guard.state, guard.pid]).toEqual(["none", null]);
    expect(await refusal(guard.set("board", 1, true))).toContain("for good");
    expect(board.bits).toBe(0);
    await guard[Symbol.asyncDispose]();
  });

  test.concurrent("isn't there without boards", async () => {
    const { guard } = await open([]);
    expect([guard.state, guard.pid]).toEqual(["none", null]);
    await guard.allOff();
    await guard[Symbol.asyncDispose]();
  });

  test.concurrent("keeps a second one from its board", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard } = await open([board.config]);
    await using _ = guard;
    await guard.set("board", 1, true);
    expect(await refusal(open([{ ...board.config, name: "same" }]))).toContain(
      `relay board same: it is in use by pid ${process.pid}`,
    );
    expect(board.bits).toBe(1);
    expect(guard.state).toBe("ok");
  });
});

describe("when the host", () => {
  test.concurrent("is killed, all is off and the guard gone", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    for (let round = 0; round < 3; round++) {
      await using host = new HostProcess([board]);
      const { guard } = await host.said();
      host.tell("on board 2");
      expect(await host.said()).toEqual({ did: "on board 2" });
      expect(board.bits).toBe(0b10);
      const killed = performance.now();
      await host.kill();
      await until(() => board.bits === 0);
      expect(performance.now() - killed).toBeLessThan(1_000);
      await until(() => isGone(guard as number));
    }
  });

  test.concurrent("is stuck, all is off within 1.2 s or so, and it is told so once it goes on", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    await using host = new HostProcess([board]);
    const { guard } = await host.said();
    host.tell("on board 1");
    await host.said();
    // What it wants while it doesn't know yet is refused: these wait in its pipe.
    host.tell("stuck 2500\non board 4");
    const begun = performance.now();
    await until(() => board.bits === 0);
    expect(performance.now() - begun).toBeGreaterThan(700);
    expect(performance.now() - begun).toBeLessThan(1_900);
    const said = [await host.said(), await host.said()];
    expect(said).toContainEqual({ event: "fired", why: expect.stringContaining("nothing was heard") });
    expect(said).toContainEqual({ failed: expect.stringMatching(/switched off/) });
    expect(board.writes.some(({ channel }) => channel === 4)).toBe(false);
    // The same guard, and it does as it is told again.
    host.tell("on board 5\nend");
    expect([await host.said(), await host.said()]).toEqual([{ did: "on board 5" }, { event: "ended" }]);
    expect(isGone(guard as number)).toBe(true);
    expect(board.bits).toBe(0);
  });
});

describe("when the guard", () => {
  test.concurrent("is killed, the host switches all off and starts another before any ON", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard, told } = await open([board.config]);
    await using _ = guard;
    for (let round = 0; round < 3; round++) {
      await guard.set("board", 1, true);
      const killed = guard.pid as number;
      process.kill(killed, "SIGKILL");
      await until(() => board.bits === 0);
      await until(() => guard.state === "dead");
      expect(await refusal(guard.set("board", 1, true))).toContain("there is no guard");
      await guard.set("board", 1, false);
      await until(() => guard.state === "ok");
      expect(guard.pid).not.toBe(killed);
      expect(guard.boardState("board").bits).toBe(0);
    }
    expect(told).toEqual(Array(3).fill(["dead: it was ended by SIGKILL", "ready"]).flat());
    // The host's own hand has switched off, and never on.
    const own = board.writes.filter(({ pid }) => pid === process.pid);
    expect(own.length).toBeGreaterThanOrEqual(3);
    expect(own.every((write) => write.do === "all_off")).toBe(true);
  });

  test.concurrent("is frozen, the host does the same, and the frozen one never writes again", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard, told } = await open([board.config]);
    await using _ = guard;
    await guard.set("board", 1, true);
    const frozen = guard.pid as number;
    process.kill(frozen, "SIGSTOP");
    // It waits in the frozen guard's pipe, and is refused as soon as that is given up on.
    expect(await refusal(guard.set("board", 2, true))).toContain("the guard is dead: it has said nothing");
    await until(() => guard.state === "ok");
    expect(isGone(frozen)).toBe(true);
    expect(board.bits).toBe(0);
    expect(board.writes.some(({ channel }) => channel === 2)).toBe(false);
    expect(told).toEqual([expect.stringContaining("dead: it has said nothing for 1."), "ready"]);
  });

  test.concurrent("is frozen and the host killed, it does nothing old once it is thawed", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    await using host = new HostProcess([board]);
    const pid = (await host.said())["guard"] as number;
    host.tell("on board 1");
    await host.said();
    process.kill(pid, "SIGSTOP");
    host.tell("on board 2");
    // It has to have said so to the guard, which nothing shows.
    await Bun.sleep(100);
    process.kill(host.pid, "SIGKILL");
    await Bun.sleep(600);
    process.kill(pid, "SIGCONT");
    await until(() => isGone(pid));
    expect(board.bits).toBe(0);
    expect(board.writes.some(({ channel }) => channel === 2)).toBe(false);
  });

  test.concurrent("is frozen and the host killed, whoever comes next ends it and switches all off", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    await using host = new HostProcess([board]);
    const pid = (await host.said())["guard"] as number;
    host.tell("on board 1");
    await host.said();
    process.kill(pid, "SIGSTOP");
    await host.kill();
    expect([board.bits, isGone(pid)]).toEqual([1, false]);
    const begun = performance.now();
    const { guard, told } = await open([board.config]);
    await using _ = guard;
    expect([board.bits, isGone(pid), told]).toEqual([0, true, []]);
    // It has had the time that one needs which is well.
    expect(performance.now() - begun).toBeGreaterThan(2_000);
    await guard.set("board", 2, true);
    expect(board.bits).toBe(0b10);
  });

  test.concurrent("is frozen and its host as well, it is left alone", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    await using host = new HostProcess([board]);
    const pid = (await host.said())["guard"] as number;
    host.tell("on board 1");
    await host.said();
    process.kill(host.pid, "SIGSTOP");
    process.kill(pid, "SIGSTOP");
    expect(await refusal(open([board.config]))).toContain(`it is in use by pid ${host.pid}`);
    expect(isGone(pid)).toBe(false);
    process.kill(pid, "SIGCONT");
    await until(() => board.bits === 0);
    process.kill(host.pid, "SIGCONT");
  });

  test("dies again and again, nothing of it is left", async () => {
    using folder = new Folder();
    await using board = await FaultyBoard.start(folder.path);
    // The backoff is meant for guards that die at once: here it would take minutes.
    const clock = {
      ...systemClock,
      sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 1), signal),
    };
    const { guard, told } = await open([simulated("faulty", board.socket)], clock);
    await using _ = guard;
    const restarts = () => told.filter((each) => each === "ready").length;
    const kill = async () => {
      const before = restarts();
      process.kill(guard.pid as number, "SIGKILL");
      await until(() => restarts() > before);
    };
    const descriptors = () => readdirSync("/proc/self/fd").length;
    await kill();
    const before = descriptors();
    for (let n = 0; n < RESTARTS; n++) await kill();
    await until(() => descriptors() <= before);
    // The last guard's, and this process's own.
    await until(() => board.clients === 2);
    expect(guard.state).toBe("ok");
  });
});

describe("a board", () => {
  test.concurrent("that is unplugged is unknown, and all off once it is back", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const { guard, told } = await open([board.config]);
    await using _ = guard;
    await guard.set("board", 1, true);
    await board.unplug();
    await until(() => !guard.boardState("board").present);
    expect(guard.boardState("board").bits).toBeNull();
    expect(await refusal(guard.set("board", 1, true))).not.toBe("");
    expect(await refusal(guard.allOff())).toContain("board board:");
    expect(guard.state).toBe("ok");
    await board.plugIn();
    await until(() => guard.boardState("board").present);
    expect([board.bits, guard.boardState("board").bits]).toEqual([0, 0]);
    expect(told.filter((each) => each === "board back")).toEqual(["board back"]);
    await guard.set("board", 1, true);
    expect(board.bits).toBe(1);
  });

  test.concurrent("that is away at the start doesn't keep the others from being held", async () => {
    using folder = new Folder();
    await using board = await BoardProcess.start(folder.path);
    const away = simulated("away", folder.file("nowhere.sock"));
    const { guard, told } = await open([away, board.config]);
    expect(told).toEqual([expect.stringContaining("away away: there is no simulated board at")]);
    await guard.set("board", 1, true);
    await using later = await BoardProcess.start(folder.path, "nowhere");
    await until(() => guard.boardState("away").present);
    expect(later.writes[0]?.do).toBe("all_off");
    await guard.set("away", 1, true);
    await guard[Symbol.asyncDispose]();
    expect([board.bits, later.bits]).toEqual([0, 0]);
  });

  test.concurrent("that hangs doesn't keep the others from being switched off", async () => {
    using folder = new Folder();
    await using hangs = await BoardProcess.start(folder.path, "hangs");
    await using well = await BoardProcess.start(folder.path, "well");
    await using host = new HostProcess([hangs, well]);
    const pid = (await host.said())["guard"] as number;
    host.tell("on hangs 1\non well 1");
    await host.said();
    await host.said();
    hangs.freeze();
    const killed = performance.now();
    await host.kill();
    await until(() => well.bits === 0);
    expect(performance.now() - killed).toBeLessThan(1_000);
    // The guard doesn't leave before the other is off as well.
    expect(hangs.bits).toBe(1);
    expect(isGone(pid)).toBe(false);
    hangs.thaw();
    await until(() => hangs.bits === 0);
    await until(() => isGone(pid));
  });

  test.concurrent("that somebody else switches is switched off, lost and found again", async () => {
    using folder = new Folder();
    await using board = await FaultyBoard.start(folder.path);
    const { guard, told } = await open([simulated("faulty", board.socket)]);
    await using _ = guard;
    await guard.set("faulty", 1, true);
    board.bits |= 0b100;
    await until(() => board.bits === 0, Boolean, 3_000);
    await until(() => told.length === 2);
    expect(told).toEqual(["faulty away: it was told relay 1 on, and says relays 1, 3 on", "faulty back"]);
    await guard.set("faulty", 1, true);
  });

  test.concurrent("whose relay doesn't go on says so, and keeps the others as they are", async () => {
    using folder = new Folder();
    await using board = await FaultyBoard.start(folder.path);
    const { guard, told } = await open([simulated("faulty", board.socket)]);
    await using _ = guard;
    await guard.set("faulty", 1, true);
    board.deaf = 0b10;
    expect(await refusal(guard.set("faulty", 2, true))).toContain(
      "it was told relay 2 on, and says relay 1 on",
    );
    expect(board.bits).toBe(1);
    expect([guard.boardState("faulty").bits, told]).toEqual([1, []]);
  });

  test.concurrent("whose relay doesn't go off is switched off again and again until it does", async () => {
    using folder = new Folder();
    await using board = await FaultyBoard.start(folder.path);
    const { guard, told } = await open([simulated("faulty", board.socket)]);
    await using _ = guard;
    await guard.set("faulty", 1, true);
    board.welded = 1;
    expect(await refusal(guard.set("faulty", 1, false))).toContain(
      "it was told relay 1 off, and says relay 1 on",
    );
    expect(guard.boardState("faulty").present).toBe(false);
    expect(await refusal(guard.set("faulty", 2, true))).toContain("it was told");
    await until(() => board.writes.filter((write) => write.do === "all_off").length > 4);
    board.welded = 0;
    await until(() => board.bits === 0);
    await until(() => guard.boardState("faulty").present);
    expect(told.at(-1)).toBe("faulty back");
  });
});

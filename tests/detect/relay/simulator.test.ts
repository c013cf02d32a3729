import { describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { openBoard } from "../../../src/detect/adapters/relay/open.ts";
import { ownBoard } from "../../../src/detect/adapters/relay/own-board.ts";
import { Frames, frame } from "../../../src/detect/adapters/relay/simulator.ts";
import { message } from "../../../src/kernel/errors.ts";
import { processStat } from "../../../src/kernel/runtime.ts";
import { BoardProcess, FaultyBoard, fromSource, simulated } from "../../support/board.ts";
import { Folder } from "../../support/folder.ts";
import { Other } from "../../support/home.ts";
import { until } from "../../support/sandbox.ts";

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (error) => message(error),
  );
const isGone = (pid: number) => processStat(pid)?.zombie !== false;

describe("a simulated board", () => {
  test.concurrent("does what a real one does, and stamps each write", async () => {
    using folder = new Folder();
    await using process = await BoardProcess.start(folder.path);
    expect(statSync(process.socket).mode & 0o777).toBe(0o600);
    await using board = await openBoard(process.config);
    expect([board.serial, board.path, board.channels]).toEqual(["BITFT", process.socket, 8]);
    expect(await board.set(3, true)).toBe(0b100);
    // Others see the same relays.
    await using other = await openBoard(process.config);
    expect(await other.set(1, true)).toBe(0b101);
    expect(await board.read()).toBe(0b101);
    await board.allOff();
    const [first, second, third] = process.writes;
    expect(process.writes.map(({ at_us: _, ...line }) => line)).toEqual([
      { pid: globalThis.process.pid, do: "on", channel: 3, before: 0, bits: 0b100 },
      { pid: globalThis.process.pid, do: "on", channel: 1, before: 0b100, bits: 0b101 },
      { pid: globalThis.process.pid, do: "all_off", before: 0b101, bits: 0 },
    ]);
    expect((first?.at_us ?? 0) < (second?.at_us ?? 0) && (second?.at_us ?? 0) < (third?.at_us ?? 0)).toBe(
      true,
    );
  });

  test.concurrent("is gone while it is unplugged, and as it was afterwards", async () => {
    using folder = new Folder();
    await using process = await BoardProcess.start(folder.path);
    const board = await openBoard(process.config);
    await board.set(2, true);
    await process.unplug();
    expect(await failure(board.read())).toContain("it is gone");
    await board[Symbol.asyncDispose]();
    expect(await failure(openBoard(process.config))).toContain("no simulated board at");
    await process.plugIn();
    await using again = await openBoard(process.config);
    expect(await again.read()).toBe(0b10);
  });

  test.concurrent("that is another than is meant is refused", async () => {
    using folder = new Folder();
    await using faulty = await FaultyBoard.start(folder.path);
    const config = simulated("faulty", faulty.socket, { serial: "BITFT" });
    expect(await failure(openBoard(config))).toContain("is LYING, not BITFT");
    expect(await failure(openBoard(simulated("own", null)))).toContain("isn't running");
  });

  test.concurrent("that doesn't answer fails within a second or so", async () => {
    using folder = new Folder();
    await using faulty = await FaultyBoard.start(folder.path);
    const board = await openBoard(simulated("faulty", faulty.socket));
    faulty.mute = true;
    const begun = performance.now();
    expect(await failure(board.set(1, true))).toBe("it doesn't answer within 1 s");
    expect(performance.now() - begun).toBeLessThan(1_900);
    await board[Symbol.asyncDispose]();
    await until(() => faulty.clients === 0);
  });

  test("frames are the same however they come in pieces", () => {
    const all = [1, 2, 3].map((kind) => frame(kind, Uint8Array.from([kind, 0, 0, 0, 0, 0, 0, 9])));
    const bytes = Uint8Array.from(all.flatMap((each) => [...each]));
    for (let size = 1; size <= bytes.length; size++) {
      const frames = new Frames();
      const got: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) got.push(...frames.push(bytes.subarray(at, at + size)));
      expect(got).toEqual(all);
    }
  });
});

describe("a simulated board of a host's own", () => {
  test.concurrent("ends with it", async () => {
    using folder = new Folder();
    const config = simulated("own", null, { serial: "ABC", channels: 2 });
    const own = await ownBoard(config, folder.path, fromSource);
    await using board = await openBoard({ ...config, socket: own.socket });
    expect(board.serial).toBe("ABC");
    await own[Symbol.asyncDispose]();
    expect(isGone(own.pid)).toBe(true);
    expect(existsSync(own.socket)).toBe(false);
  });

  test.concurrent("waits after a kill -9 of its host until nobody speaks to it", async () => {
    using folder = new Folder();
    const script = `
      const { ownBoard } = await import(${JSON.stringify(`${import.meta.dirname}/../../../src/detect/adapters/relay/own-board.ts`)});
      const { simulated, fromSource } = await import(${JSON.stringify(`${import.meta.dirname}/../../support/board.ts`)});
      const own = await ownBoard(simulated("own", null), ${JSON.stringify(folder.path)}, fromSource);
      console.log(JSON.stringify(own));
      setInterval(() => {}, 1000);`;
    await using host = new Other([process.execPath, "-e", script]);
    const { socket, pid } = JSON.parse(await host.line()) as { socket: string; pid: number };
    const board = await openBoard(simulated("own", socket));
    await host.kill();
    await Bun.sleep(1_300);
    await board.allOff();
    await board[Symbol.asyncDispose]();
    const left = performance.now();
    await until(() => isGone(pid));
    expect(performance.now() - left).toBeLessThan(2_500);
    expect(existsSync(socket)).toBe(false);
  });

  test.concurrent("that can't be started says so", async () => {
    using folder = new Folder();
    const started = ownBoard(simulated("own", null), folder.path, ["/nowhere/stint"]);
    expect(await failure(started)).toContain("the simulated board own can't be started: ENOENT");
  });
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  BEAT_MS,
  type GuardReport,
  type GuardRequest,
  GuardWatch,
  HostWatch,
  Latch,
  Lines,
  readHolder,
  readReport,
  readRequest,
  SILENCE_MS,
} from "../../../src/detect/core/guard.ts";

describe("the guard's watch over its host", () => {
  /** Looks every 100 ms until then. @returns when it fired */
  function looking(watch: HostWatch, from: number, to: number): number[] {
    const fired: number[] = [];
    for (let now = from; now <= to; now += BEAT_MS) if (watch.look(now) !== undefined) fired.push(now);
    return fired;
  }

  test("fires once after a second without a beat, and once more after the next silence", () => {
    const watch = new HostWatch(0);
    watch.beat(0, 0);
    expect(looking(watch, 0, 5_000)).toEqual([1_100]);
    expect(watch.silent).toBe(true);
    watch.beat(5_000, 0);
    expect(watch.silent).toBe(false);
    expect(looking(watch, 5_000, 9_000)).toEqual([6_100]);
  });

  test("fires when it was held up itself, before it does anything that waited meanwhile", () => {
    const watch = new HostWatch(0);
    watch.beat(0, 0);
    expect(watch.look(100)).toBeUndefined();
    expect(watch.look(1_600)).toContain("the guard itself was held up for 1.5 s");
    // What the host has said since is still to be read.
    expect(watch.silent).toBe(false);
    expect(looking(watch, 1_700, 2_600)).toEqual([]);
    expect(looking(watch, 2_700, 4_000)).toEqual([2_700]);
  });

  test("whatever the beats, no silence of more than 1.1 s goes without ALL OFF, and none shorter than 1 s has it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 30 }), (gaps) => {
        const watch = new HostWatch(0);
        watch.beat(0, 0);
        let now = 0;
        for (const gap of gaps) {
          const before = now;
          let fired = 0;
          // The guard looks at its own pace, and when the beat comes.
          for (let at = (Math.floor(now / BEAT_MS) + 1) * BEAT_MS; at < before + gap; at += BEAT_MS) {
            if (watch.look(at) !== undefined) fired++;
          }
          now = before + gap;
          if (watch.look(now) !== undefined) fired++;
          expect(fired).toBe(gap > SILENCE_MS ? 1 : 0);
          watch.beat(now, 0);
        }
      }),
    );
  });

  test("knows how long ago something was decided, whatever the origins of the two clocks", () => {
    const watch = new HostWatch(0);
    expect(watch.age(0)).toBe(Number.POSITIVE_INFINITY);
    // The host's clock began 40 s later; beats take a while, one of them hardly any.
    for (const took of [220, 3, 15]) watch.beat(0, 40_000 + took);
    expect(watch.age(40_003)).toBe(0);
    expect(watch.age(40_603)).toBe(600);
  });
});

describe("the host's watch over its guard", () => {
  test("takes it for dead after a second of silence", () => {
    const watch = new GuardWatch(0);
    const dead: number[] = [];
    for (let now = 0; now <= 1_500; now += BEAT_MS) if (watch.look(now)) dead.push(now);
    expect(dead[0]).toBe(1_100);
  });

  test("a host that was stuck first reads what the guard has said meanwhile", () => {
    const watch = new GuardWatch(0);
    expect(watch.look(5_000)).toBeUndefined();
    watch.heard(5_010);
    expect(watch.look(5_100)).toBeUndefined();
    // It has said nothing after all.
    const silent = new GuardWatch(0);
    expect(silent.look(5_000)).toBeUndefined();
    expect([5_100, 5_200, 5_300, 5_400].map((now) => silent.look(now) !== undefined)).toContain(true);
  });
});

describe("a board's latch", () => {
  type Step = "trip" | "hold" | "on";

  test("an ON of before a trip is refused for ever, and so is one while nobody knows that all is off", () => {
    const steps = fc.array(fc.constantFrom<Step>("trip", "hold", "on"), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.nat(40), (all, from) => {
        const latch = new Latch();
        const epochs: number[] = [];
        let known = false;
        for (const step of all) {
          epochs.push(latch.epoch);
          if (step === "trip") latch.trip();
          if (step === "hold") latch.hold(0);
          if (step !== "on") known = step === "hold";
          const old = epochs[from % epochs.length] ?? 0;
          const refused = latch.refusal(old, 0) !== undefined;
          expect(refused).toBe(!known || old !== latch.epoch);
          expect(latch.bits === null).toBe(!known);
        }
      }),
    );
  });

  test("an ON that was decided more than half a second ago is refused", () => {
    const latch = new Latch();
    latch.hold(0);
    expect(latch.refusal(latch.epoch, 500)).toBeUndefined();
    expect(latch.refusal(latch.epoch, 501)).toContain("too long ago");
    expect(latch.refusal(latch.epoch, Number.POSITIVE_INFINITY)).toBeDefined();
  });
});

describe("what they say", () => {
  const board = {
    name: "hall",
    kind: "simulator",
    serial: null,
    path: null,
    socket: "/run/b.sock",
    channels: 8,
  } as const;
  const host = { pid: 12, start: "345", boot: "6e4e" };
  const report = { board: "hall", present: true, bits: 5, serial: "BITFT", epoch: 2, why: null, busy: false };
  const requests: GuardRequest[] = [
    { ask: "hold", host, boards: [board] },
    { ask: "beat", at: 12.5 },
    { ask: "set", id: 1, board: "hall", channel: 2, on: true, epoch: 3, at: 12.5 },
    { ask: "off", id: 2 },
  ];
  const reports: GuardReport[] = [
    { type: "ready", boards: [report] },
    { type: "beat" },
    { type: "boards", boards: [{ ...report, present: false, bits: null, why: "it is gone" }] },
    { type: "fired", why: "nothing was heard", boards: [report] },
    { type: "done", id: 1, failed: [{ board: "hall", why: "it is gone" }], boards: [report] },
  ];

  test("is read as it was said", () => {
    for (const each of requests) expect(readRequest(JSON.stringify(each))).toEqual(each);
    for (const each of reports) expect(readReport(JSON.stringify({ v: 1, ...each }))).toEqual(each);
  });

  test("anything else is nobody's word, and never an ON", () => {
    const broken = fc.oneof(fc.string(), fc.json(), fc.constantFrom(...requests).chain(changed));
    fc.assert(
      fc.property(broken, (line) => {
        const read = readRequest(line);
        if (read?.ask === "set") expect(typeof read.on).toBe("boolean");
        expect(() => readReport(line)).not.toThrow();
      }),
    );
    expect(
      readRequest('{"ask":"set","id":1,"board":"hall","channel":2,"on":1,"epoch":3,"at":1}'),
    ).toBeUndefined();
    expect(
      readRequest('{"ask":"set","id":1,"board":"hall","channel":2,"on":true,"epoch":3}'),
    ).toBeUndefined();
    expect(readRequest('{"ask":"hold","boards":[{"name":"hall"}]}')).toBeUndefined();
  });

  test("who has a board is read as it was written, and never as a group of processes", () => {
    const holder = { guard: { ...host, pid: 13 }, host };
    expect(readHolder(JSON.stringify(holder))).toEqual(holder);
    for (const pid of [0, -1, 1.5, "13", null]) {
      expect(readHolder(JSON.stringify({ ...holder, guard: { ...host, pid } }))).toBeUndefined();
    }
    for (const text of ["", "12", "{", JSON.stringify({ host })]) expect(readHolder(text)).toBeUndefined();
  });

  /** A line of a host's with one of its facts put into another place. */
  function changed(request: GuardRequest): fc.Arbitrary<string> {
    const names = Object.keys(request);
    return fc
      .tuple(fc.constantFrom(...names), fc.jsonValue())
      .map(([name, value]) => JSON.stringify({ ...request, [name]: value }));
  }

  test("lines are the same however they come in pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.string().filter((text) => !text.includes("\n"))), fc.nat(20), (texts, size) => {
        const all = texts.map((text) => `${text}\n`).join("");
        const lines = new Lines();
        const got: string[] = [];
        for (let at = 0; at < all.length; at += size + 1)
          got.push(...lines.push(all.slice(at, at + size + 1)));
        expect(got).toEqual(texts);
      }),
    );
    expect(() => new Lines().push("x".repeat(1 << 17))).toThrow("without an end");
  });
});

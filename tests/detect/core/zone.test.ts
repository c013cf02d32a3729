import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Box, Detection, Point } from "../../../src/detect/core/frame.ts";
import type { ZoneConfig } from "../../../src/detect/core/installation.ts";
import {
  freshZone,
  type Link,
  looked,
  readZone,
  staleMs,
  type ZoneReading,
  type ZoneState,
} from "../../../src/detect/core/zone.ts";

/** The lower half of the picture. */
const LOWER: Point[] = [
  [0, 0.5],
  [1, 0.5],
  [1, 1],
  [0, 1],
];

const zone = (changed: Partial<ZoneConfig> = {}): ZoneConfig => ({
  name: "press",
  points: LOWER,
  mode: "alarm",
  relays: ["lamp"],
  on_camera_loss: "trip",
  hit: "foot",
  overlap: 0.3,
  min_score: 0.5,
  min_area: 0,
  max_area: 1,
  min_ratio: 0,
  max_ratio: 100,
  enter: { n: 2, m: 3 },
  dwell_ms: 0,
  hold_ms: 1_000,
  armed: [],
  ...changed,
});

const STALE_MS = { alarm: staleMs({ mode: "alarm" }), permit: staleMs({ mode: "permit" }) };

const permit = (changed: Partial<ZoneConfig> = {}) => zone({ mode: "permit", ...changed });

const standing: Box = [0.4, 0.3, 0.6, 0.8];
const SOMEONE: Detection = { box: standing, score: 0.9 };

/** Pictures of a camera, one every 200 ms, and what a zone makes of them. */
class Watch {
  state: ZoneState = freshZone;
  now = 0;
  link: Link = "live";
  armed = true;
  readonly config: ZoneConfig;

  constructor(config: ZoneConfig) {
    this.config = config;
  }

  /** A picture is looked at, so long after the last. */
  picture(detections: readonly Detection[], after = 200): ZoneReading {
    this.now += after;
    this.state = looked(this.state, this.config, { at: this.now, detections, aspect: 16 / 9, masks: [] });
    return this.read();
  }

  /** A picture a letter: `x` with someone in it, `.` without. @returns what each was read as: `x` for tripped */
  pictures(letters: string): string {
    return [...letters]
      .map((letter) => (this.picture(letter === "x" ? [SOMEONE] : []).tripped ? "x" : "."))
      .join("");
  }

  /** Time goes by without a picture. */
  wait(ms: number): ZoneReading {
    this.now += ms;
    return this.read();
  }

  read(): ZoneReading {
    const { state, reading } = readZone(this.state, this.config, this.now, this.link, this.armed);
    this.state = state;
    return reading;
  }
}

describe("a person is in a zone", () => {
  /** Whether one picture with it is enough, where one picture is to be. */
  const isIn = (detection: Detection, changed: Partial<ZoneConfig> = {}, masks: Point[][] = []) => {
    const config = zone({ enter: { n: 1, m: 1 }, ...changed });
    const state = looked(freshZone, config, { at: 0, detections: [detection], aspect: 2, masks });
    return readZone(state, config, 0, "live", true).reading.occupied;
  };
  const at = (box: Box, score = 0.9): Detection => ({ box, score });

  test("when the feet are, however much of the body isn't", () => {
    expect(isIn(at([0.4, 0, 0.6, 0.55]))).toBe(true);
    expect(isIn(at([0.4, 0, 0.6, 0.45]))).toBe(false);
  });

  test("when the feet are on its edge, or below the picture's", () => {
    expect(isIn(at([0.4, 0.1, 0.6, 0.5]))).toBe(true);
    expect(isIn(at([0.4, 0.1, 0.6, 1.02]))).toBe(true);
    expect(isIn(at([0.95, 0.1, 1.1, 1]))).toBe(true);
  });

  test("when enough of the box is, where it is the box that counts", () => {
    const half = at([0.4, 0.3, 0.6, 0.7]);
    expect([0.3, 0.5, 0.51].map((overlap) => isIn(half, { hit: "overlap", overlap }))).toEqual([
      true,
      true,
      false,
    ]);
    expect(isIn(at([0.4, 0.1, 0.6, 0.4]), { hit: "overlap", overlap: 0 })).toBe(false);
  });

  test("when the detector is sure enough, and the box neither too small, too large, too flat nor too slim", () => {
    const box = at([0.4, 0.3, 0.6, 0.8], 0.6);
    // A tenth of the picture, which is twice as wide as high: 0.4 by 0.5.
    expect([0.6, 0.61].map((min_score) => isIn(box, { min_score }))).toEqual([true, false]);
    expect([0.09, 0.11].map((min_area) => isIn(box, { min_area }))).toEqual([true, false]);
    expect([0.09, 0.11].map((max_area) => isIn(box, { max_area }))).toEqual([false, true]);
    expect([0.79, 0.81].map((min_ratio) => isIn(box, { min_ratio }))).toEqual([true, false]);
    expect([0.79, 0.81].map((max_ratio) => isIn(box, { max_ratio }))).toEqual([false, true]);
  });

  test("unless the feet are in a mask", () => {
    const mask: Point[] = [
      [0.4, 0.7],
      [0.6, 0.7],
      [0.6, 0.9],
      [0.4, 0.9],
    ];
    expect(isIn(SOMEONE, {}, [mask])).toBe(false);
    expect(isIn(SOMEONE, { hit: "overlap" }, [mask])).toBe(false);
    expect(isIn(at([0.1, 0.3, 0.3, 0.8]), {}, [mask])).toBe(true);
  });

  test("never by a box that isn't one", () => {
    expect(isIn(at([Number.NaN, 0, 1, 1]))).toBe(false);
    expect(isIn(at([0.5, 0.8, 0.5, 0.8]))).toBe(false);
  });
});

describe("an alarm", () => {
  test("isn't tripped by a detection that comes in one picture alone", () => {
    expect(new Watch(zone()).pictures("...x...x...x...")).toBe("...............");
  });

  test("trips with the nth of m pictures, and clears once nobody was seen for the hold time", () => {
    const watch = new Watch(zone());
    expect(watch.pictures("...x.x")).toBe(".....x");
    expect(watch.pictures(".....")).toBe("xxxx.");
  });

  test("stays while he is seen now and then", () => {
    expect(new Watch(zone()).pictures("..xx...x....x...x.....")).toBe("...xxxxxxxxxxxxxxxxxx.");
  });

  test("says who came and since when", () => {
    const watch = new Watch(zone());
    watch.pictures("..x");
    const surer: Detection = { box: [0.1, 0.2, 0.2, 0.7], score: 0.95 };
    const { occupied, cause, since, by } = watch.picture([SOMEONE, surer]);
    expect({ occupied, cause, since, by }).toEqual({
      occupied: true,
      cause: "person",
      since: 800,
      by: surer,
    });
  });

  test("knows at first nothing, and after m pictures that nobody is in", () => {
    const watch = new Watch(zone());
    expect(watch.read()).toMatchObject({ occupied: null, tripped: false });
    expect(["", "", ""].map(() => watch.picture([]).occupied)).toEqual([null, null, false]);
  });

  test("waits for the dwell time, through gaps that are shorter than the hold time", () => {
    const loitering = zone({ dwell_ms: 1_000 });
    expect(new Watch(loitering).pictures("..xx.x.xxxx")).toBe("........xxx");
    // He goes, and another one passes by.
    expect(new Watch(loitering).pictures("..xxxxx.....xxxx")).toBe("................");
  });

  test("isn't tripped by somebody who stayed for less than the dwell time, though the hold time goes beyond it", () => {
    expect(new Watch(zone({ dwell_ms: 1_000 })).pictures("..xxxxx.........")).toBe("................");
  });

  test("isn't tripped while it is disarmed, and is at once when it is armed with someone in", () => {
    const watch = new Watch(zone());
    watch.armed = false;
    expect(watch.pictures("..xxx")).toBe(".....");
    expect(watch.read()).toMatchObject({ occupied: true, tripped: false, cause: null });
    watch.armed = true;
    expect(watch.read()).toMatchObject({ occupied: true, tripped: true, cause: "person" });
  });

  test("isn't tripped by a camera that is still starting, and is by one that never comes", () => {
    const watch = new Watch(zone());
    watch.link = "starting";
    expect(watch.wait(60_000)).toMatchObject({ occupied: null, tripped: false, until: null });
    watch.link = "lost";
    expect(watch.read()).toMatchObject({ occupied: null, tripped: true, cause: "camera_lost" });
  });

  test("isn't tripped by a first picture that takes its time, and is by one that stays away", () => {
    const watch = new Watch(zone());
    expect(watch.read()).toMatchObject({ tripped: false, until: STALE_MS.alarm });
    expect(watch.wait(STALE_MS.alarm - 1)).toMatchObject({ tripped: false, until: STALE_MS.alarm });
    expect(watch.wait(1)).toMatchObject({ tripped: true, cause: "camera_lost", until: null });
  });

  test("of a lost camera stays tripped until m pictures were looked at again", () => {
    const watch = new Watch(zone());
    watch.pictures("...");
    expect(watch.wait(STALE_MS.alarm)).toMatchObject({ occupied: null, tripped: true, cause: "camera_lost" });
    expect(watch.pictures("....")).toBe("xx..");
    watch.link = "lost";
    expect(watch.read().tripped).toBe(true);
    watch.link = "starting";
    expect(watch.read().tripped).toBe(true);
    watch.link = "live";
    expect(watch.pictures("xxx")).toBe("xxx");
    expect(watch.read().cause).toBe("person");
  });

  test("doesn't join what was seen before a loss with what is seen after it", () => {
    const ignoring = zone({ on_camera_loss: "ignore" });
    const slow = new Watch(ignoring);
    slow.pictures("..x");
    expect(slow.picture([SOMEONE], STALE_MS.alarm)).toMatchObject({ occupied: null, tripped: false });
    const cut = new Watch(ignoring);
    cut.pictures("..x");
    cut.link = "lost";
    cut.wait(100);
    cut.link = "live";
    expect(cut.pictures("x.x")).toBe("..x");
  });

  test.each(["trip", "hold"] as const)(
    "that had tripped stays so through a loss, however long: %s",
    (on_camera_loss) => {
      const watch = new Watch(zone({ on_camera_loss }));
      watch.pictures("..xx");
      expect(watch.wait(3_600_000)).toMatchObject({ occupied: true, tripped: true, cause: "person" });
      // It is as if he had been seen until the first picture that comes again.
      expect(watch.pictures("......")).toBe("xxxxx.");
    },
  );

  test("that is held doesn't trip by a loss, nor by its dwell time running out meanwhile", () => {
    const watch = new Watch(zone({ on_camera_loss: "hold", dwell_ms: 2_000 }));
    watch.pictures("..xxx");
    expect(watch.wait(5_000)).toMatchObject({ occupied: true, tripped: false });
    expect(watch.pictures("xxxxxxxxxxxx")).toBe("..........xx");
  });

  test("to which a loss means nothing clears after the hold time, and knows nothing meanwhile", () => {
    const watch = new Watch(zone({ on_camera_loss: "ignore", hold_ms: 5_000 }));
    watch.pictures("..xx");
    const lost = watch.wait(STALE_MS.alarm);
    expect(lost).toMatchObject({ occupied: null, tripped: true, until: 800 + 5_000 });
    expect(watch.wait(1_999)).toMatchObject({ occupied: null, tripped: true });
    expect(watch.wait(1)).toMatchObject({ occupied: null, tripped: false, until: null });
    expect(watch.pictures("x..")).toBe("...");
    expect(watch.read().occupied).toBe(false);
  });

  test("with a hold time shorter than a picture goes stale doesn't clear by a camera that stops", () => {
    const watch = new Watch(zone({ hold_ms: 100 }));
    watch.pictures("..xx");
    for (let ms = 0; ms < 3_000; ms += 50)
      expect(watch.wait(50)).toMatchObject({ occupied: true, tripped: true });
  });
});

describe("a permit", () => {
  test("is given once m pictures show nobody, and at first it isn't", () => {
    const watch = new Watch(permit());
    expect(watch.read()).toMatchObject({ occupied: null, tripped: true, cause: "unknown" });
    expect(watch.pictures("....")).toBe("xx..");
  });

  test("is withdrawn by n of m pictures, not by one, and given again m pictures and the hold time after the last", () => {
    const watch = new Watch(permit());
    expect(watch.pictures("....x....x.x")).toBe("xx.........x");
    expect(watch.read().cause).toBe("person");
    expect(watch.pictures(".....")).toBe("xxxx.");
    const quick = new Watch(permit({ hold_ms: 0 }));
    expect(quick.pictures("...xx....")).toBe("xx..xxx..");
  });

  test("isn't given while single pictures show someone", () => {
    expect(new Watch(permit()).pictures("..x...x...x....")).toBe("xxxxxxxxxxxxxxx");
  });

  test("is withdrawn without regard to the dwell time", () => {
    expect(new Watch(permit({ dwell_ms: 60_000 })).pictures("...xx")).toBe("xx..x");
  });

  test("is withdrawn when the newest picture is stale, and given again after m pictures", () => {
    const watch = new Watch(permit());
    expect(watch.pictures("...")).toBe("xx.");
    expect(watch.read()).toMatchObject({ tripped: false, until: watch.now + STALE_MS.permit });
    expect(watch.wait(STALE_MS.permit - 1).tripped).toBe(false);
    expect(watch.wait(1)).toMatchObject({ occupied: null, tripped: true, cause: "camera_lost" });
    expect(watch.pictures("...")).toBe("xx.");
  });

  test.each(["lost", "starting"] as const)(
    "is withdrawn at once when the camera or the detector is %s",
    (link) => {
      const watch = new Watch(permit());
      watch.pictures("...");
      watch.link = link;
      expect(watch.read()).toMatchObject({ tripped: true, cause: "camera_lost" });
      watch.link = "live";
      expect(watch.read().tripped).toBe(true);
      expect(watch.pictures("...")).toBe("xx.");
    },
  );

  test("isn't given while it is disarmed", () => {
    const watch = new Watch(permit());
    watch.armed = false;
    expect(watch.pictures("....")).toBe("xxxx");
    expect(watch.read()).toMatchObject({ occupied: false, cause: "disarmed" });
    watch.armed = true;
    expect(watch.read().tripped).toBe(false);
  });
});

test("a picture that is no newer than the last changes nothing", () => {
  const watch = new Watch(zone());
  watch.pictures("..x");
  for (const at of [watch.now, watch.now - 1, Number.NaN]) {
    const picture = { at, detections: [SOMEONE], aspect: 2, masks: [] };
    expect(looked(watch.state, watch.config, picture)).toBe(watch.state);
  }
});

/** What can happen to a zone: a picture, time, its camera, its owner. */
type Step =
  | { do: "picture"; hit: boolean; after: number }
  | { do: "wait"; ms: number }
  | { do: "link"; link: Link }
  | { do: "arm"; armed: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("picture" as const),
      hit: fc.constantFrom(true, false, false, false),
      after: fc.oneof(
        { weight: 19, arbitrary: fc.constant(200) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 1_500 }) },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("link" as const),
      link: fc.constantFrom("live", "live", "lost", "starting"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("arm" as const), armed: fc.boolean() }) },
);

const anyZone = fc
  .record({
    mode: fc.constantFrom("alarm", "permit"),
    on_camera_loss: fc.constantFrom("trip", "hold", "ignore"),
    n: fc.integer({ min: 1, max: 4 }),
    more: fc.nat(3),
    dwell_ms: fc.constantFrom(0, 500, 2_000),
    hold_ms: fc.constantFrom(0, 300, 1_000, 4_000),
  })
  .map(({ n, more, mode, on_camera_loss, ...rest }) =>
    zone({
      ...rest,
      mode,
      enter: { n, m: n + more },
      on_camera_loss: mode === "permit" ? "trip" : on_camera_loss,
    }),
  );

/** What has happened up to a reading: all that a rule may ask. */
type Story = {
  watch: Watch;
  reading: ZoneReading;
  before: ZoneReading | undefined;
  /** Pictures since the last time nobody could know before this reading, the newest last. */
  known: { at: number; hit: boolean }[];
  lastPicture: number | null;
  isLost: boolean;
};

/** Lives through steps and holds every reading to a rule. */
function holds(rule: (story: Story) => void): void {
  fc.assert(
    fc.property(anyZone, fc.array(step, { minLength: 20, maxLength: 80 }), (config, steps) => {
      const watch = new Watch(config);
      let before: ZoneReading | undefined;
      let known: Story["known"] = [];
      let lastPicture: number | null = null;
      let begun: number | null = null;
      for (const each of steps) {
        let reading: ZoneReading;
        if (each.do === "picture") {
          const at = watch.now + each.after;
          if (lastPicture !== null && at - lastPicture >= staleMs(config)) known = [];
          known = [...known, { at, hit: each.hit }];
          lastPicture = at;
          reading = watch.picture(each.hit ? [SOMEONE] : [], each.after);
        } else {
          if (each.do === "link") watch.link = each.link;
          if (each.do === "arm") watch.armed = each.armed;
          reading = watch.wait(each.do === "wait" ? each.ms : 0);
        }
        if (watch.link === "live") begun ??= watch.now;
        const from: number | null = lastPicture ?? begun;
        const isLost =
          watch.link === "lost" ||
          (from !== null && (watch.link === "starting" || watch.now - from >= staleMs(config)));
        rule({ watch, reading, before, known, lastPicture, isLost });
        before = reading;
        if (isLost) known = [];
      }
    }),
    { numRuns: 400 },
  );
}

describe("whatever happens", () => {
  test("nobody comes in by fewer than n hits in m pictures, and whoever makes as many is in", () => {
    holds(({ watch: { config }, reading, before, known, isLost }) => {
      const { n, m } = config.enter;
      const hits = known.slice(-m).filter(({ hit }) => hit).length;
      if (reading.since !== null && before?.since == null) expect(hits).toBeGreaterThanOrEqual(n);
      if (known.at(-1)?.hit && hits >= n && !isLost) expect(reading.since).not.toBeNull();
    });
  });

  test("a zone that can't be seen is never empty, and whoever was in is in", () => {
    holds(({ watch: { config, armed }, reading, before, isLost }) => {
      if (!isLost) return;
      expect(reading.occupied).not.toBe(false);
      if (config.on_camera_loss === "ignore") return;
      if (before?.occupied) expect(reading.occupied).toBe(true);
      if (config.on_camera_loss === "trip" && armed) expect(reading.tripped).toBe(true);
      if (before?.cause === "person" && armed) expect(reading.cause).toBe("person");
    });
  });

  test("a loss alone trips nothing that holds or ignores it", () => {
    holds(({ watch: { config }, reading }) => {
      if (config.on_camera_loss !== "trip") expect(reading.cause).not.toBe("camera_lost");
    });
  });

  test("nobody leaves but by a picture that doesn't show him, the hold time after one that did", () => {
    holds(({ watch: { config }, reading, before, known, lastPicture }) => {
      if (before?.since == null || reading.since !== null) return;
      // Where a loss is ignored it is unknown who is in after it; he has to come in again.
      if (config.on_camera_loss === "ignore" && known.length === 1) return;
      expect(known.at(-1)).toEqual({ at: lastPicture as number, hit: false });
      const seen = known.findLast(({ hit }) => hit);
      if (seen) expect((lastPicture as number) - seen.at).toBeGreaterThanOrEqual(config.hold_ms);
    });
  });

  test("a permit is given only while it is known that nobody is in", () => {
    let given = 0;
    holds(({ watch: { config, armed, link, now }, reading, before, known, lastPicture }) => {
      if (config.mode !== "permit" || reading.tripped) return;
      given++;
      expect({ armed, link, occupied: reading.occupied }).toEqual({
        armed: true,
        link: "live",
        occupied: false,
      });
      expect(now - (lastPicture ?? Number.NEGATIVE_INFINITY)).toBeLessThan(staleMs(config));
      const { n, m } = config.enter;
      expect(known.length).toBeGreaterThanOrEqual(m);
      expect(known.at(-1)?.hit && known.slice(-m).filter(({ hit }) => hit).length >= n).not.toBe(true);
      if (before?.cause !== "person") return;
      // It is given again by pictures alone.
      expect(known.slice(-m).some(({ hit }) => hit)).toBe(false);
      const seen = known.findLast(({ hit }) => hit);
      if (seen) expect((lastPicture as number) - seen.at).toBeGreaterThanOrEqual(config.hold_ms);
    });
    expect(given).toBeGreaterThan(500);
  });

  test("nothing reads otherwise before the time that was named, and that is never over", () => {
    holds(({ watch, reading }) => {
      const { state, config, now, link, armed } = watch;
      const { until } = reading;
      if (until !== null) expect(until).toBeGreaterThan(now);
      for (const later of [now, now + 1, (until ?? now + 1e9) - 1]) {
        if (until !== null && later >= until) continue;
        expect(readZone(state, config, later, link, armed).reading).toEqual(reading);
      }
    });
  });
});

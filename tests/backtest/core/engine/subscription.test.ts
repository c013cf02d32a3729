import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  StreamSubscription,
  SUBSCRIPTION_WORDS,
  type SubscriptionMode,
} from "../../../../src/backtest/core/engine/subscription.ts";

/** A subscription whose follower notes what it takes and, unless told otherwise, says that it is done. */
function followed(mode: SubscriptionMode, done = true) {
  const taken: number[] = [];
  const subscription: StreamSubscription = new StreamSubscription("a → b", mode, {
    take(step) {
      taken.push(step);
      if (done) subscription.reset();
    },
  });
  return { subscription, taken };
}

describe("data-driven", () => {
  test("a step is worked while it is waited for, once, and each cycle is counted", () => {
    const { subscription, taken } = followed("data-driven");
    for (const step of [4, 5, 6]) {
      subscription.publish(step);
      expect([taken.includes(step), subscription.behind]).toEqual([false, 1]);
      subscription.wait();
      expect([taken.at(-1), subscription.behind]).toEqual([step, 0]);
    }
    expect(taken).toEqual([4, 5, 6]);
    expect(subscription.counts).toEqual({
      name: "a → b",
      mode: "data-driven",
      signals: 3,
      waits: 3,
      wait_ms: null,
      resets: 3,
      overruns: 0,
    });
  });

  test("publishing without having waited is refused, naming both steps", () => {
    const { subscription, taken } = followed("data-driven");
    subscription.publish(7);
    expect(() => subscription.publish(8)).toThrow("a → b: step 8 was published before step 7 was done");
    expect([subscription.signals, subscription.counts.overruns, taken]).toEqual([1, 0, []]);
  });

  test("a follower that never says that it is done is found out, not waited for for ever", () => {
    const { subscription, taken } = followed("data-driven", false);
    subscription.publish(3);
    expect(() => subscription.wait()).toThrow("a → b: step 3 was taken and never done");
    expect(taken).toEqual([3]);
  });

  test("a wait for nothing has nothing worked", () => {
    const { subscription, taken } = followed("data-driven");
    subscription.wait();
    expect([taken, subscription.counts.waits]).toEqual([[], 1]);
  });

  test("the time of all waits is reckoned from those that were timed", () => {
    const { subscription } = followed("data-driven");
    let ms = 100;
    const now = () => (ms += 1.5);
    for (let step = 0; step < 8; step++) {
      subscription.publish(step);
      if (step < 2) subscription.waitTimed(now, 0);
      else subscription.wait();
    }
    // Two waits of 1.5 ms each; eight waits were there.
    expect(subscription.counts).toMatchObject({ waits: 8, wait_ms: 12 });
  });

  test("whatever is published and waited for, nothing overruns", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (waits) => {
        const { subscription } = followed("data-driven");
        let published = 0;
        for (const [step, wait] of waits.entries()) {
          if (wait) subscription.wait();
          else if (subscription.behind > 0) expect(() => subscription.publish(step)).toThrow("before step");
          else {
            subscription.publish(step);
            published++;
          }
        }
        expect(subscription.counts).toMatchObject({ signals: published, overruns: 0 });
      }),
      { numRuns: 50 },
    );
  });
});

describe.each<SubscriptionMode>(["clock-driven", "live"])("%s", (mode) => {
  test("publishing never waits: each step published while one is still being worked on is an overrun", () => {
    const { subscription } = followed(mode);
    for (const step of [0, 1, 2, 3]) subscription.publish(step);
    expect(subscription.behind).toBe(4);
    // The first found nothing being worked on, the three after it did.
    expect(subscription.counts).toMatchObject({
      mode,
      signals: 4,
      resets: 0,
      overruns: 3,
      waits: 0,
      wait_ms: null,
    });
  });

  test("no step is dropped: what overran is worked in its turn", () => {
    const { subscription, taken } = followed(mode);
    for (const step of [0, 1, 2]) subscription.publish(step);
    for (const step of [0, 1, 2]) subscription.follow(step);
    expect(taken).toEqual([0, 1, 2]);
    expect(subscription.counts).toMatchObject({ signals: 3, resets: 3, overruns: 2 });
  });

  test("a follower that keeps up is never overrun", () => {
    const { subscription } = followed(mode);
    for (let step = 0; step < 20; step++) {
      subscription.publish(step);
      subscription.follow(step);
    }
    expect(subscription.counts).toMatchObject({ signals: 20, resets: 20, overruns: 0 });
  });

  test("two ends on the same words count together", () => {
    const words = new Int32Array(new SharedArrayBuffer(SUBSCRIPTION_WORDS * 4));
    const publisher = new StreamSubscription("a → b", mode, null, words);
    let publish = 0;
    const follower: StreamSubscription = new StreamSubscription(
      "a → b",
      mode,
      {
        take(step) {
          // The other side goes on while this step is being worked on.
          for (; publish > 0; publish--) publisher.publish(step + publish);
          follower.reset();
        },
      },
      words,
    );
    publisher.publish(0);
    publish = 5;
    follower.follow(0);
    expect([follower.signals, follower.behind, publisher.behind]).toEqual([6, 5, 5]);
    for (const step of [1, 2, 3, 4, 5]) follower.follow(step);
    const counts = { signals: 6, resets: 6, overruns: 5 };
    expect(publisher.counts).toMatchObject(counts);
    expect(follower.counts).toMatchObject(counts);
  });

  test("however fast it is published and worked, the overruns are the steps that found another", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 100 }), (turns) => {
        const { subscription } = followed(mode);
        let waiting = 0;
        let overruns = 0;
        for (const [step, published] of turns.entries()) {
          if (published) {
            if (waiting > 0) overruns++;
            waiting++;
            subscription.publish(step);
          } else if (waiting > 0) {
            waiting--;
            subscription.follow(step);
          }
        }
        expect([subscription.counts.overruns, subscription.behind]).toEqual([overruns, waiting]);
      }),
      { numRuns: 50 },
    );
  });
});

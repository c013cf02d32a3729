/** What one relay is to be, decided from what zones and people say. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { RelayConfig } from "../../../src/detect/core/installation.ts";
import {
  acknowledged,
  allowed,
  decide,
  freshRelay,
  type RelayPlan,
  switchedOff,
  switchedOn,
  told,
  tried,
} from "../../../src/detect/core/relay.ts";

const config = (given: Partial<RelayConfig> = {}): RelayConfig => ({
  id: "lamp",
  board: "main",
  channel: 1,
  max_on_ms: null,
  cooldown_ms: 0,
  latch: false,
  ...given,
});

/** A relay that is told things one after another. */
class Told {
  plan: RelayPlan;
  readonly #config: RelayConfig;
  readonly #mode: "alarm" | "permit";

  constructor(mode: "alarm" | "permit", given: Partial<RelayConfig> = {}, latched = false) {
    this.#config = config(given);
    this.#mode = mode;
    this.plan = freshRelay({ latched });
  }

  at(now: number, ...tripped: string[]) {
    this.plan = told(this.plan, this.#config, this.#mode, tripped);
    return this.decide(now);
  }

  decide(now: number) {
    const { plan, decision } = decide(this.plan, this.#config, this.#mode, now);
    this.plan = plan;
    return decision;
  }
}

test("an alarm is on while a zone has tripped", () => {
  const relay = new Told("alarm");
  expect(relay.decide(0)).toEqual({ on: false, cause: null, until: null });
  expect(relay.at(1, "hall/press")).toEqual({ on: true, cause: "hall/press", until: null });
  expect(relay.at(2, "hall/door")).toMatchObject({ on: true, cause: "hall/door" });
  expect(relay.at(3)).toMatchObject({ on: false, cause: null });
});

test("a permit is off until it is said that all is clear, and whenever it isn't", () => {
  const relay = new Told("permit");
  expect(relay.decide(0)).toEqual({ on: false, cause: "unknown", until: null });
  expect(relay.at(1, "hall/press")).toMatchObject({ on: false, cause: "hall/press" });
  expect(relay.at(2)).toEqual({ on: true, cause: "clear", until: null });
  expect(relay.at(3, "hall/door")).toMatchObject({ on: false });
});

test("an alarm goes off after its longest time, until a zone trips anew", () => {
  const relay = new Told("alarm", { max_on_ms: 100 });
  expect(relay.at(0, "a")).toMatchObject({ on: true, until: 100 });
  expect(relay.at(99, "a")).toMatchObject({ on: true });
  expect(relay.at(100, "a")).toMatchObject({ on: false, cause: "max_on" });
  expect(relay.at(500, "a")).toMatchObject({ on: false, cause: "max_on" });
  expect(relay.at(501, "a", "b")).toMatchObject({ on: true, until: 601 });
  expect(relay.at(601, "a", "b")).toMatchObject({ on: false });
  expect(relay.at(700)).toMatchObject({ on: false, cause: null });
  expect(relay.at(701, "a")).toMatchObject({ on: true });
});

test("after it went off it isn't on again before it has cooled down", () => {
  const relay = new Told("alarm", { cooldown_ms: 50 });
  relay.at(0, "a");
  relay.at(10);
  expect(relay.at(20, "a")).toEqual({ on: false, cause: "cooldown", until: 60 });
  expect(relay.decide(60)).toMatchObject({ on: true, cause: "a" });
});

test("a latched alarm stays on until a person has acknowledged and whoever it was about has gone", () => {
  const relay = new Told("alarm", { latch: true });
  relay.at(0, "a");
  expect(relay.at(1)).toMatchObject({ on: true, cause: "latched" });
  relay.plan = acknowledged(relay.plan);
  expect(relay.at(2)).toMatchObject({ on: false });
  relay.at(3, "a");
  relay.plan = acknowledged(relay.plan);
  expect(relay.at(4, "a")).toMatchObject({ on: true, cause: "a" });
  expect(relay.at(5)).toMatchObject({ on: false, cause: null });
});

test("a latch outlives its host: an alarm is on again, a permit stays off", () => {
  expect(new Told("alarm", { latch: true }, true).decide(0)).toMatchObject({ on: true, cause: "latched" });
  const permit = new Told("permit", { latch: true }, true);
  expect(permit.at(0)).toMatchObject({ on: false, cause: "latched" });
  permit.plan = acknowledged(permit.plan);
  expect(permit.at(1)).toMatchObject({ on: true });
});

test("an acknowledgement doesn't switch on what was switched off for another reason", () => {
  const relay = new Told("alarm", { latch: true, max_on_ms: 10 });
  relay.at(0, "a");
  relay.at(10, "a");
  relay.plan = acknowledged(relay.plan);
  expect(relay.at(11, "a")).toMatchObject({ on: false, cause: "max_on" });
});

test("a latch doesn't switch on again what was on for too long", () => {
  const relay = new Told("alarm", { latch: true, max_on_ms: 10 });
  relay.at(0, "a");
  relay.at(10, "a");
  expect(relay.at(11)).toMatchObject({ on: false, cause: "max_on" });
  expect(relay.plan.latched).toBe(true);
  expect(relay.at(12, "a")).toMatchObject({ on: true });
});

test("by hand an alarm is on for the time given, and off until a zone trips anew", () => {
  const relay = new Told("alarm");
  relay.at(0);
  relay.plan = switchedOn(relay.plan, 50);
  expect(relay.decide(0)).toEqual({ on: true, cause: "manual", until: 50 });
  expect(relay.decide(50)).toMatchObject({ on: false });
  relay.at(60, "a");
  relay.plan = switchedOff(relay.plan);
  expect(relay.at(61, "a")).toMatchObject({ on: false, cause: "manual" });
  expect(relay.at(62)).toMatchObject({ on: false });
  expect(relay.at(63, "a")).toMatchObject({ on: true });
});

test("what is on for a time by hand is after it as it was before", () => {
  const relay = new Told("alarm");
  relay.at(0, "a");
  relay.plan = switchedOff(relay.plan);
  relay.plan = switchedOn(relay.plan, 10);
  expect(relay.at(5, "a")).toMatchObject({ on: true });
  expect(relay.at(10, "a")).toMatchObject({ on: false, cause: "manual" });
  relay.plan = switchedOn(relay.plan, 20);
  relay.at(15, "a", "b");
  expect(relay.at(20, "a", "b")).toMatchObject({ on: true });
});

test("a permit that a person has withdrawn is given back by a person, whatever trips and clears meanwhile", () => {
  const relay = new Told("permit");
  relay.at(0);
  relay.plan = switchedOff(relay.plan);
  expect(relay.at(1)).toMatchObject({ on: false, cause: "manual" });
  relay.at(101, "a");
  expect(relay.at(102)).toMatchObject({ on: false, cause: "manual" });
  relay.plan = allowed(relay.plan);
  expect(relay.at(103)).toMatchObject({ on: true });
});

test("what was tried counts for nothing after it", () => {
  const relay = new Told("alarm", { max_on_ms: 100 });
  relay.at(0, "a");
  relay.at(100, "a");
  const before = relay.plan;
  relay.plan = switchedOn(relay.plan, 150);
  expect(relay.decide(101)).toMatchObject({ on: true });
  relay.plan = tried(relay.plan, before);
  expect(relay.at(102, "a")).toMatchObject({ on: false, cause: "max_on" });
  relay.plan = switchedOn(relay.plan, 150);
  const during = relay.at(103, "a", "b");
  relay.plan = tried(relay.plan, before);
  expect([during.on, relay.decide(104).on]).toEqual([true, true]);
});

const steps = fc.array(
  fc.record({
    after: fc.nat(40),
    do: fc.constantFrom("tell", "on", "off", "ack", "none"),
    zones: fc.subarray(["a", "b", "c"]),
  }),
  { maxLength: 60 },
);
const configs = fc.record({
  max_on_ms: fc.option(fc.integer({ min: 1, max: 60 })),
  cooldown_ms: fc.nat(30),
  latch: fc.boolean(),
});

function play(
  relay: Told,
  list: typeof steps extends fc.Arbitrary<infer T> ? T : never,
  seen: (now: number, on: boolean) => void,
) {
  let now = 0;
  for (const step of list) {
    now += step.after;
    if (step.do === "on") relay.plan = switchedOn(relay.plan, now + 20);
    if (step.do === "off") relay.plan = switchedOff(relay.plan);
    if (step.do === "ack") relay.plan = acknowledged(relay.plan);
    const { on } = step.do === "tell" ? relay.at(now, ...step.zones) : relay.decide(now);
    seen(now, on);
  }
}

test("whatever happens a permit is never on while a zone has tripped or nothing was told", () => {
  fc.assert(
    fc.property(steps, configs, (list, given) => {
      const relay = new Told("permit", { ...given, max_on_ms: null });
      play(relay, list, (_, on) => {
        if (on) expect(relay.plan.tripped).toEqual([]);
      });
    }),
  );
});

test("whatever happens an alarm is never on for longer than its longest time, nor again before it has cooled down", () => {
  fc.assert(
    fc.property(steps, configs, (list, given) => {
      const relay = new Told("alarm", given);
      let onSince: number | null = null;
      let offSince: number | null = null;
      play(relay, list, (now, on) => {
        if (on && onSince === null) {
          if (offSince !== null) expect(now - offSince).toBeGreaterThanOrEqual(given.cooldown_ms);
          onSince = now;
        }
        if (on && given.max_on_ms !== null) expect(now - (onSince ?? now)).toBeLessThan(given.max_on_ms);
        if (!on && onSince !== null) [onSince, offSince] = [null, now];
      });
    }),
  );
});

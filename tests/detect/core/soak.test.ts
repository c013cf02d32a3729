/** Whether anything has grown. */
import { expect, test } from "bun:test";
import { grown, type SoakSample } from "../../../src/detect/core/soak.ts";

const minutes = (n: number, at: (minute: number) => Partial<SoakSample> = () => ({})): SoakSample[] =>
  Array.from({ length: n }, (_, i) => ({
    minute: i + 1,
    cpu: 20,
    rss: 200e6,
    disk: 5e6,
    descriptors: 31,
    children: 4,
    timers: 11,
    reconnects: i,
    cycles: i,
    faults: 4 * i,
    ...at(i + 1),
  }));

test("what stays as it is hasn't grown, nor what warms up and then wavers", () => {
  expect(grown(minutes(30), 50e6)).toEqual([]);
  const wavers = minutes(30, (n) => ({
    rss: 200e6 + Math.min(n, 5) * 10e6 + (n % 3) * 1e6,
    timers: 11 + (n % 2),
  }));
  expect(grown(wavers, 50e6)).toEqual([]);
});

test("one descriptor, child or timer more is told, and so are 4 MB", () => {
  expect(
    grown(
      minutes(30, (n) => ({ descriptors: 31 + (n > 28 ? 1 : 0) })),
      50e6,
    ),
  ).toEqual(["descriptors: 31 → 32"]);
  expect(
    grown(
      minutes(30, (n) => ({ children: n > 10 ? 5 : 4 })),
      50e6,
    ),
  ).toEqual(["children: 4 → 5"]);
  expect(
    grown(
      minutes(30, (n) => ({ timers: n })),
      50e6,
    ),
  ).toEqual(["timers: 5 → 30"]);
  expect(
    grown(
      minutes(30, (n) => ({ rss: 200e6 + n * 200_000 })),
      50e6,
    ),
  ).toEqual(["rss: 201.6 MB → 205.6 MB"]);
});

test("a disk that holds more than may be kept is told; a run too short to compare RSS isn't", () => {
  expect(
    grown(
      minutes(3, (n) => ({ rss: n * 100e6, disk: n * 30e6 })),
      50e6,
    ),
  ).toEqual(["disk: 90.0 MB where 50.0 MB may be kept"]);
  expect(grown([], 50e6)).toEqual(["nothing was measured"]);
});

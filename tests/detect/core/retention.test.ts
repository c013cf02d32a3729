import { expect, test } from "bun:test";
import { DAY_MS, expired } from "../../../src/detect/core/retention.ts";

const NOW = Date.UTC(2026, 10, 22);
const MB = 1_000_000;
/** A file of so many MB that was made so many days ago. */
const file = (name: string, days: number, megabytes: number) => ({
  name,
  at: NOW - days * DAY_MS,
  bytes: megabytes * MB,
});
const gone = (files: ReturnType<typeof file>[], days: number, megabytes: number) =>
  expired(files, { days, megabytes }, NOW).map(({ name }) => name);

test("what is older than it is to be kept goes", () => {
  expect(gone([file("a", 31, 1), file("b", 30, 1), file("c", 0, 1)], 30, 100)).toEqual(["a"]);
});

test("the oldest go until the rest takes no more than it may", () => {
  const files = [file("a", 3, 4), file("b", 2, 4), file("c", 1, 4)];
  expect(gone(files, 30, 12)).toEqual([]);
  expect(gone(files, 30, 11)).toEqual(["a"]);
  expect(gone(files, 30, 5)).toEqual(["a", "b"]);
  expect(gone(files, 30, 0)).toEqual(["a", "b", "c"]);
});

test("what goes for its age makes room for the others", () => {
  expect(gone([file("a", 40, 50), file("b", 2, 50)], 30, 60)).toEqual(["a"]);
});

test("a picture of the future, since the clock was set back, is kept", () => {
  expect(gone([file("a", -400, 1)], 30, 100)).toEqual([]);
});

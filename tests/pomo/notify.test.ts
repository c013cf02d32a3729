import { afterEach, beforeEach, expect, test } from "bun:test";
import { notifications } from "../../src/pomo/adapters/notices/notify.ts";
import type { Moment } from "../../src/pomo/core/notices.ts";
import { type Desktop, openDesktop } from "../support/desktop.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { moment } from "./fixture-notices.ts";

const rest: Moment = {
  ...moment,
  session_type: "SHORT_BREAK",
  duration_ms: 300_000,
  next_type: "WORK",
};

let log: KeptLog;
let desktop: Desktop;
let home: Home;
beforeEach(async () => {
  log = new KeptLog();
  desktop = await openDesktop();
  home = enterHome(desktop.env);
});
afterEach(async () => {
  home[Symbol.dispose]();
  await desktop[Symbol.asyncDispose]();
});

test("a notification says what begins, and the next of the session takes its place", async () => {
  await using teller = notifications(log);
  teller.tell("WORK_STARTED", moment);
  const [first] = await desktop.shown(1);
  expect(first).toMatchObject({
    app: "stint",
    title: "Work: 25 min",
    body: "write the report\nRound 2 of 4",
  });
  teller.tell("SHORT_BREAK_STARTED", rest);
  const [, second] = await desktop.shown(2);
  expect(second).toMatchObject({ title: "Short break: 5 min", id: first?.id ?? 0 });
  teller.tell("WORK_STARTED", { ...moment, session_id: "0199-b" });
  const [, , third] = await desktop.shown(3);
  expect(third?.id).not.toBe(first?.id ?? 0);
  expect(log.lines).toEqual([]);
});

test("what happened while nobody was there is told", async () => {
  await using teller = notifications(log);
  teller.tellAway?.({ ...moment, notice: "suspended for 12 min" });
  expect((await desktop.shown(1))[0]).toMatchObject({
    title: "While you were away",
    body: "Suspended for 12 min\nwrite the report",
  });
});

test("a task is shown as it is called", async () => {
  await using teller = notifications(log);
  teller.tell("WORK_STARTED", { ...moment, task: "--help <b>C:\\new\\\\</b> & “ünïcode” \\" });
  expect((await desktop.shown(1))[0]?.body).toBe(
    "--help &lt;b&gt;C:\\new\\\\&lt;/b&gt; &amp; “ünïcode” \\\nRound 2 of 4",
  );
  expect(log.lines).toEqual([]);
});

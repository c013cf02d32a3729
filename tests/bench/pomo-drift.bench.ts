// How late a pomodoro ends while every core is taken: bun tests/bench/pomo-drift.bench.ts [MINUTES]
import { availableParallelism } from "node:os";
import { connect } from "../../src/kernel/client.ts";
import type { State } from "../../src/kernel/control.ts";
import { Sandbox } from "../support/sandbox.ts";
import { seated } from "./processes.ts";
import { row } from "./table.ts";

const minutes = Number(process.argv[2] ?? 25);
const duration = minutes * 60_000;

await using box = new Sandbox();
const load = Array.from({ length: availableParallelism() }, () =>
  Bun.spawn(["sh", "-c", "while :; do :; done"]),
);
try {
  const wallBegin = { wall: Date.now(), mono: performance.now() };
  await box.run(["pomo", "start", "write", "--work", `${duration / 1000}s`, "--detach"]);
  const control = connect(await seated(box, "pomo"));
  const seen = Promise.withResolvers<number>();
  await using _ = control.watch((state) => {
    if (!state) seen.reject(new Error("the host is gone"));
    else if (Number(state["events"]) > 1) seen.resolve(performance.now());
  });
  // When this process, by its own clock that never jumps, is to see the end: an answer is as old as it took to come,
  // so the quickest of some says best.
  let due = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    const { remaining_ms }: State = await control.state();
    due = Math.min(due, performance.now() + Number(remaining_ms));
  }
  console.error(`${load.length} busy loops; it ends in ${((due - performance.now()) / 1000).toFixed(0)} s`);
  const end = await seen.promise;
  const [work] = (await box.run(["pomo", "log", "--all"])).lines;
  if (work?.["outcome"] !== "completed") throw new Error("it wasn't completed");
  const lasted = Number(work["ended_at"]) - Number(work["started_at"]);
  row(`${minutes} min with ${load.length} busy loops: late in history`, lasted - duration, "ms", "≤ 50");
  row("late for a client, by its own monotonic clock", end - due, "ms", "≤ 50");
  // Somebody who sets the wall clock meanwhile makes the first figure mean nothing.
  const step = Date.now() - wallBegin.wall - (performance.now() - wallBegin.mono);
  row("the wall clock against the monotonic one meanwhile", step, "ms", "no goal");
} finally {
  for (const busy of load) busy.kill("SIGKILL");
}

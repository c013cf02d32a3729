import { localOffset } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { Exit } from "../../kernel/errors.ts";
import { printTable } from "../../kernel/table.ts";
import { problems } from "../core/health.ts";
import type { CameraRow, DetectView, Health } from "../core/view.ts";
import { runningReach } from "./reach.ts";

/** `stint detect health`: 0 when all is well, 1 when something isn't. @throws Expected 69 where it doesn't run */
export async function health(context: Context): Promise<number> {
  const { output } = context;
  const view = (await runningReach(context).state()) as DetectView;
  const found = problems(view);
  const ok = found.length === 0;
  if (output.json) output.emit({ type: "health", ok, problems: found, ...factsOf(view) });
  else {
    const rows = rowsOf(view).map(([what, said]) => ({ cells: [what, oneLine(said)] }));
    printTable(output, ["WHAT", "NOW"], rows, 1);
    for (const { what, hint } of found) {
      output.text(`${output.paint(31, what)}${hint === undefined ? "" : `: ${hint}`}\n`);
    }
    if (ok) output.text(`${output.paint(32, "all is well")}\n`);
  }
  return ok ? Exit.ok : Exit.no;
}

/** As far as it is known: a host that has just begun has measured nothing yet. */
function factsOf({ state, dry_run, cameras = [], guard, detector, health }: DetectView) {
  return {
    state,
    dry_run,
    cameras: cameras.map(({ name, state, fps, latency_ms, reconnects, error }) => ({
      name,
      state,
      fps,
      latency_ms,
      reconnects,
      error,
    })),
    guard: guard ?? null,
    detector: detector ?? null,
    ...health,
  };
}

function rowsOf({ state, dry_run, cameras = [], guard, detector, health }: DetectView): [string, string][] {
  const pid = guard?.pid ?? null;
  return [
    ["state", dry_run ? `${state}, dry run` : state],
    ...cameras.map((camera): [string, string] => [`camera ${camera.name}`, cameraText(camera)]),
    [
      "detector",
      detector ? `${detector.state}${detector.ms === null ? "" : `, ${ms(detector.ms)}`}` : "unknown",
    ],
    ["guard", guard ? `${guard.state}${pid === null ? "" : `, pid ${pid}`}` : "unknown"],
    ...(health ? healthRows(health) : []),
  ];
}

function cameraText({ state, fps, latency_ms, reconnects, error }: CameraRow): string {
  const latency = latency_ms === null ? "" : `, ${ms(latency_ms)}`;
  const facts = state === "live" ? `, ${fps.toFixed(1)} fps${latency}` : error === null ? "" : ` (${error})`;
  return `${state}${facts}, ${times(reconnects, "reconnect")}`;
}

function healthRows({
  rss,
  cpu,
  disk,
  reconnects,
  latency_p95_ms,
  cycles,
  self_test,
}: Health): [string, string][] {
  return [
    ["frame to relay", latency_p95_ms === null ? "no trip yet" : `${ms(latency_p95_ms)} (p95)`],
    ["reconnects", String(reconnects)],
    ["RSS", `${Math.round(rss / 2 ** 20)} M`],
    ["CPU", `${cpu.toFixed(1)} % of one core`],
    ["disk", disk === null ? "unknown" : `${disk.toFixed(1)} % full`],
    ["relay cycles", String(cycles)],
    ["last relay test", self_test ? `${self_test.ok ? "ok" : "failed"}, ${dateText(self_test.at)}` : "never"],
  ];
}

const ms = (ms: number): string => `${Math.round(ms)} ms`;
const times = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** `2026-11-22 14:05` */
const dateText = (at: number): string =>
  localTime(at, localOffset(at)).toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ");

import { oneLine } from "../../kernel/core/plain.ts";
import type { CameraRow, DetectView } from "./view.ts";

/** Something that isn't well, and what can be done about it. */
export type Problem = { readonly what: string; readonly hint?: string };

/** A disk this full is soon full, percent. */
const NEARLY_FULL = 95;

/** What isn't well; empty when all is. What has just been opened and is still on its way is no problem yet. */
export function problems(view: DetectView): Problem[] {
  if (view.host === false) return [{ what: "detect isn't running", hint: "stint detect run" }];
  return [...stateProblems(view), ...sightProblems(view), ...switchProblems(view), ...keepProblems(view)].map(
    ({ what, hint }) => ({ what: oneLine(what), ...(hint === undefined ? {} : { hint }) }),
  );
}

function stateProblems({ state, degraded }: DetectView): Problem[] {
  const parts = degraded.map((part) => ({ what: `it runs without ${part}` }));
  if (state === "running") return parts;
  if (state === "paused")
    return [{ what: "it is paused: no camera is looked at", hint: "stint detect resume" }];
  return [{ what: `it isn't running: ${state}` }, ...parts];
}

function sightProblems({ state, cameras, detector }: DetectView): Problem[] {
  if (state === "running" && cameras?.length === 0) {
    return [{ what: "there is no camera: nobody is seen", hint: "stint detect cameras add NAME URL" }];
  }
  const lost = (cameras ?? [])
    .filter(({ state }) => state === "lost")
    .map(({ name, error }) => ({
      what: `camera ${name} is lost${error === null ? "" : `: ${error}`}`,
      hint: `stint detect cameras test ${name}`,
    }));
  const detectorIs = detectorFault(cameras ?? [], detector);
  if (detectorIs === undefined) return lost;
  return [...lost, { what: `the detector ${detectorIs}: nobody is seen`, hint: "see the log of detect" }];
}

function detectorFault(
  cameras: readonly CameraRow[],
  detector: DetectView["detector"],
): "is lost" | "isn't ready" | undefined {
  if (detector?.state === "lost") return "is lost";
  // Before there are pictures there is nothing to be seen in them.
  const waited = cameras.some(({ state }) => state === "live");
  return detector?.state === "starting" && waited ? "isn't ready" : undefined;
}

function switchProblems({ dry_run, guard, relays = [], health }: DetectView): Problem[] {
  const test = health?.self_test;
  const failed =
    test && !test.ok ? [{ what: "the last relay test failed", hint: "stint detect relay test" }] : [];
  // In a dry run no board is opened.
  if (dry_run) return failed;
  const unknown = relays
    .filter(({ state }) => state === "unknown")
    .map(({ id, board }) => ({
      what: `relay ${id} is unknown: board ${board} isn't there, or doesn't say what it was told`,
      hint: "stint detect relay list",
    }));
  const dead = { what: "the guard is dead: no relay can be switched on", hint: "see the log of detect" };
  return [...(guard?.state === "dead" ? [dead] : []), ...unknown, ...failed];
}

function keepProblems({ health }: DetectView): Problem[] {
  const { storage = null, disk = null, hooks = null, mqtt = null, config = null } = health ?? {};
  const full = disk !== null && disk >= NEARLY_FULL;
  return [
    ...(storage === null ? [] : [{ what: storage }]),
    ...(hooks === null ? [] : [{ what: hooks, hint: "see the log of detect" }]),
    ...(mqtt === null ? [] : [{ what: mqtt }]),
    ...(config === null
      ? []
      : [{ what: `what is installed isn't taken in: ${config}`, hint: "stint detect check" }]),
    ...(full
      ? [{ what: `the disk is ${Math.floor(disk)} % full`, hint: "stint detect snapshots prune" }]
      : []),
  ];
}

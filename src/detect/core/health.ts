import { oneLine } from "../../kernel/core/plain.ts";
import type { DetectView } from "./view.ts";

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

function sightProblems({ cameras = [], detector }: DetectView): Problem[] {
  const lost = cameras
    .filter(({ state }) => state === "lost")
    .map(({ name, error }) => ({
      what: `camera ${name} is lost${error === null ? "" : `: ${error}`}`,
      hint: `stint detect cameras test ${name}`,
    }));
  return detector?.state === "lost"
    ? [...lost, { what: "the detector is lost: nobody is seen", hint: "see the log of detect" }]
    : lost;
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
  const { storage = null, disk = null } = health ?? {};
  const full = disk !== null && disk >= NEARLY_FULL;
  return [
    ...(storage === null ? [] : [{ what: storage }]),
    ...(full
      ? [{ what: `the disk is ${Math.floor(disk)} % full`, hint: "stint detect snapshots prune" }]
      : []),
  ];
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Open } from "./generation.ts";
import type { Log } from "./log.ts";
import type { Work } from "./session.ts";
import { type Limits, type Part, STAGES } from "./stack.ts";

/** How long the opening of a slow part takes, ms. */
const SLOW_MS = 2_000;

/**
 * What the tests need to go wrong, by `STINT_FAULT`: of a shutdown `uncaught`, `rejection`, `hang`, `hang-briefly`; of the
 * generation's part or slot of a name `hang:NAME` (its dispose never settles, and releases nothing), `fail:NAME` (its
 * opening throws) and `slow:NAME` (its opening takes 2 s). Only a build made with --faults has any of this in it.
 */
export function withFaults<Given extends object>(work: Work<Given>, log: Log): Work<Given> {
  const fault = process.env["STINT_FAULT"];
  const lamp = async () => ({
    async [Symbol.asyncDispose]() {
      log.info("lamp off");
    },
  });
  const stuck = async () => ({ [Symbol.asyncDispose]: () => new Promise<void>(() => {}) });
  const timers = STAGES.indexOf("timers");
  const { steps: own } = work.generation;
  const all = own.map(({ stage, open }) => ({
    stage,
    open: (given: Open, have: never) => open(faulty(given, fault), have),
  }));
  const steps: Work<Given>["generation"]["steps"] = [
    ...all.filter(({ stage }) => STAGES.indexOf(stage) < timers),
    { stage: "actuators", open: async (open) => ({ lamp: await open("lamp", lamp) }) },
    ...all.filter(({ stage }) => STAGES.indexOf(stage) >= timers),
    {
      stage: "workers",
      open: async (open) => {
        if (fault === "hang") await open("stuck", stuck, { disposeMs: 60_000 });
        if (fault === "hang-briefly") await open("stuck", stuck, { disposeMs: 300 });
        return {};
      },
    },
  ];
  return {
    ...work,
    generation: { steps },
    async reached(state) {
      await work.reached?.(state);
      if (state !== "running") return;
      if (fault === "uncaught") {
        setTimeout(() => {
          throw new Error("fault: uncaught");
        }, 0);
      }
      if (fault === "rejection") void Promise.reject(new Error("fault: rejection"));
    },
  };
}

/** Opens the part or slot that a fault names with that fault. */
function faulty(open: Open, fault = ""): Open {
  const [kind, name] = fault.split(":");
  const spoiled =
    <T extends AsyncDisposable, Rest extends unknown[]>(
      part: (signal: AbortSignal, ...rest: Rest) => Promise<T>,
    ) =>
    async (signal: AbortSignal, ...rest: Rest): Promise<T> => {
      if (kind === "fail") throw new Error(`fault: ${fault}`);
      if (kind === "slow") await sleep(SLOW_MS, undefined, { signal });
      const opened = await part(signal, ...rest);
      if (kind === "hang") opened[Symbol.asyncDispose] = () => new Promise<void>(() => {});
      return opened;
    };
  const one = <T extends AsyncDisposable>(part: string, opening: Part<T>, limits?: Limits): Promise<T> =>
    open(part, part === name ? spoiled(opening) : opening, limits);
  const slot: Open["slot"] = (part, opening, options) =>
    open.slot(part, part === name ? spoiled(opening) : opening, options);
  return Object.assign(one, { slot });
}

import type { Log } from "./log.ts";
import type { Work } from "./session.ts";
import { STAGES } from "./stack.ts";

/**
 * What the tests of the shutdown need to go wrong, by `STINT_FAULT`: `uncaught`, `rejection`, `hang`, `hang-briefly`. Only a
 * build made with --faults has any of this in it.
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
  const steps: Work<Given>["generation"]["steps"] = [
    ...own.filter(({ stage }) => STAGES.indexOf(stage) < timers),
    { stage: "actuators", open: async (open) => ({ lamp: await open("lamp", lamp) }) },
    ...own.filter(({ stage }) => STAGES.indexOf(stage) >= timers),
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

/** The states of a module and every way from one to another. */

export const STATES = [
  "DISABLED",
  "ENABLED",
  "STARTING",
  "STOPPING",
  "IDLE",
  "RECORDING",
  "ERROR",
  "CRASHED",
] as const;
/**
 * What is true of a module. ENABLED: it is wanted and waits, for a dependency or a backoff. ERROR: a start failed, or it
 * was given up on. CRASHED: it ended unasked.
 */
export type ModuleState = (typeof STATES)[number];

export const EVENTS = [
  /** It is to run: as soon as nothing keeps it waiting. */
  "want",
  /** It needn't wait any longer. */
  "unwant",
  /** Its process is being made. */
  "start",
  "ready",
  /** A start, or the end of it all, that didn't come about. */
  "fail",
  /** Its process ended unasked. */
  "crash",
  "record",
  "pause",
  "stop",
  /** Its process was asked to end, and nothing is left of it. */
  "gone",
  /** What went wrong is forgiven. */
  "reset",
] as const;
export type ModuleEvent = (typeof EVENTS)[number];

/** Every legal transition; what isn't here is refused and changes nothing. */
export const TRANSITIONS: Readonly<Record<ModuleState, Readonly<Partial<Record<ModuleEvent, ModuleState>>>>> =
  {
    DISABLED: { want: "ENABLED" },
    ENABLED: { unwant: "DISABLED", start: "STARTING", fail: "ERROR" },
    STARTING: { ready: "IDLE", fail: "ERROR", crash: "CRASHED", stop: "STOPPING" },
    STOPPING: { gone: "DISABLED", fail: "ERROR" },
    IDLE: { record: "RECORDING", stop: "STOPPING", crash: "CRASHED" },
    RECORDING: { pause: "IDLE", stop: "STOPPING", crash: "CRASHED" },
    ERROR: { want: "ENABLED", reset: "DISABLED" },
    CRASHED: { want: "ENABLED", fail: "ERROR", reset: "DISABLED" },
  };

/** Whether it does what it is for. */
export const isUp = (state: ModuleState): boolean => state === "IDLE" || state === "RECORDING";

/** Whether it has a process. */
export const hasProcess = (state: ModuleState): boolean =>
  isUp(state) || state === "STARTING" || state === "STOPPING";

/** Whether it is at rest where it is wanted: what `status` answers with 0. */
export const isAsDesired = ({ desired, actual }: { desired: "on" | "off"; actual: ModuleState }): boolean =>
  desired === "on" ? isUp(actual) : !hasProcess(actual);

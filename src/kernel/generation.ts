import { openSlot, type Slot, type SlotOptions, type SlotPart } from "./slot.ts";
import { type Limits, type Part, STAGES, type Stack, type Stage, within } from "./stack.ts";

/** The stages that stand above `S`. */
type Above<S extends Stage, L extends readonly Stage[] = typeof STAGES> = L extends readonly [
  infer H,
  ...infer Rest extends readonly Stage[],
]
  ? H extends S
    ? Rest[number]
    : Above<S, Rest>
  : never;

/** Opens one part of the step's stage. */
export interface Open {
  /** A part the session can't do without. */
  <T extends AsyncDisposable>(name: string, part: Part<T>, limits?: Limits): Promise<T>;
  /** A part that may be missing or be replaced while the rest runs: without it the session is degraded. */
  slot<T extends AsyncDisposable>(name: string, part: SlotPart<T>, options?: SlotOptions): Promise<Slot<T>>;
}

type Step = { stage: Stage; open: (open: Open, have: never) => Promise<object> };

/**
 * What a session opens above `state`, as a value: the kernel runs it at start and at each resume, so nothing of the
 * one before can be reached. Each step sees what the steps below it opened; a step below its place doesn't type-check.
 * @example generation<{ config: Config }>()
 *   .sources(async (open) => ({ camera: await open("camera", camera) }))
 *   .workers(async (open, { camera }) => ({ detector: await open("detector", detector(camera)) }))
 */
export type Generation<
  Given extends object,
  Have extends object = Given,
  Left extends Stage = Above<"state">,
> = {
  readonly steps: readonly Step[];
  /** Never read: it keeps what the first step needs in the type. */
  readonly given?: (given: Given) => void;
} & {
  readonly [S in Left]: <Out extends object>(
    step: (open: Open, have: Have) => Promise<Out>,
  ) => Generation<Given, Have & Out, Above<S>>;
};

function build(steps: readonly Step[]): unknown {
  const last = steps.at(-1);
  const floor = STAGES.indexOf(last ? last.stage : "state");
  const next = STAGES.map((stage, at) => [
    stage,
    (open: Step["open"]) => {
      if (at <= floor) throw new Error(`${stage} can't come after ${STAGES[floor]}`);
      return build([...steps, { stage, open }]);
    },
  ]);
  return { ...Object.fromEntries(next), steps };
}

/** An empty generation that builds on `Given`. */
export const generation = <Given extends object>(): Generation<Given> => build([]) as Generation<Given>;

/**
 * Opens a generation on a stack. What was opened stays when a later part fails: the caller disposes it.
 * @param signal gives the generation up: what is left of it opens nothing more
 * @param missing told which slots hold nothing and when they are filled again
 * @throws what a part throws; Error when it was given up
 */
export async function openGeneration<Given extends object>(
  stack: Stack,
  { steps }: { readonly steps: readonly Step[]; readonly given?: (given: Given) => void },
  given: Given,
  signal: AbortSignal,
  missing: (name: string, is: boolean) => void,
): Promise<void> {
  const check = () => {
    if (signal.aborted) throw new Error("given up while it was opening");
  };
  let have: object = given;
  for (const { stage, open } of steps) {
    const one = async <T extends AsyncDisposable>(name: string, part: Part<T>, limits?: Limits) => {
      check();
      return stack.open(stage, name, part, limits);
    };
    const slot: Open["slot"] = async (name, part, options) => {
      check();
      return openSlot(stack, { stage, name, missing: (is) => missing(name, is) }, part, options);
    };
    // A step that waits for something else than its parts isn't waited for once it is given up.
    const opened = await within(open(Object.assign(one, { slot }), have as never), { signal });
    check();
    have = { ...have, ...(opened as object) };
  }
}

import { type Limits, type Part, STAGES, type Stack, type Stage } from "./stack.ts";

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
export type Open = <T extends AsyncDisposable>(name: string, part: Part<T>, limits?: Limits) => Promise<T>;

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
 * @throws what a part throws
 */
export async function openGeneration<Given extends object>(
  stack: Stack,
  { steps }: { readonly steps: readonly Step[]; readonly given?: (given: Given) => void },
  given: Given,
): Promise<void> {
  let have: object = given;
  for (const { stage, open } of steps) {
    const opened = await open((name, part, limits) => stack.open(stage, name, part, limits), have as never);
    have = { ...have, ...opened };
  }
}

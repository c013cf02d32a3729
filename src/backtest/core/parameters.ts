import type { Params } from "./strategy.ts";

/** A parameter that the strategy doesn't have, or one that isn't a number. */
export class ParameterError extends Error {
  /** The parameter's name. */
  readonly parameter: string;
  /** The names that the strategy has. */
  readonly known: readonly string[];

  constructor(parameter: string, known: readonly string[], message: string) {
    super(message);
    this.name = "ParameterError";
    this.parameter = parameter;
    this.known = known;
  }
}

/**
 * The parameters of a run: the strategy's defaults with those given over them, frozen.
 * @throws ParameterError for a name that the defaults don't have, or a value that isn't a finite number.
 */
export function resolveParams(defaults: Readonly<Params>, given: Readonly<Params>): Readonly<Params> {
  const known = Object.keys(defaults);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      const names = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
      throw new ParameterError(name, known, `the strategy has no parameter "${name}": ${names}`);
    }
    if (!Number.isFinite(value)) {
      throw new ParameterError(name, known, `parameter "${name}" must be a number, not ${value}`);
    }
  }
  return Object.freeze({ ...defaults, ...given });
}

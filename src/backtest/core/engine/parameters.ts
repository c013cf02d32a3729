import { didYouMean } from "../../../kernel/core/nearest.ts";
import type { ParamSpec, Params, ParamValue } from "../strategy.ts";

/** The parameters of a strategy as it declares them, by name. */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>;

/** A parameter with all that is said of it; what isn't said is undefined. */
type Declared = Exclude<ParamSpec, ParamValue>;

/** A parameter that the strategy doesn't have, one that it can't take, or one that it declares wrongly. */
export class ParameterError extends Error {
  /** The parameter's name. */
  readonly parameter: string;
  readonly hint: string | undefined;

  constructor(parameter: string, message: string, hint?: string) {
    super(message);
    this.name = "ParameterError";
    this.parameter = parameter;
    this.hint = hint;
  }
}

/**
 * The parameters of a run: the strategy's defaults with those given over them, frozen. Text, as a command line gives it,
 * is read by the type of the parameter's default: `true`, `yes` and `on` are true, `false`, `no` and `off` false.
 * @throws ParameterError
 */
export function resolveParams(specs: ParamSpecs, given: Readonly<Params>): Readonly<Params> {
  const stranger = Object.keys(given).find((name) => !Object.hasOwn(specs, name));
  if (stranger !== undefined) {
    const known = Object.keys(specs);
    const hint =
      didYouMean(stranger, known) ??
      (known.length === 0 ? "it has none" : `it has ${describeParams(specs).join("; ")}`);
    throw new ParameterError(stranger, `the strategy has no parameter '${stranger}'`, hint);
  }
  const values = Object.entries(specs).map(([name, spec]): [string, ParamValue] => {
    const declared = declaredOf(spec);
    const fault = faultOf(declared);
    if (fault !== undefined) throw new ParameterError(name, `the strategy's parameter '${name}' ${fault}`);
    const said = given[name];
    if (!Object.hasOwn(given, name) || said === undefined) return [name, declared.default];
    const value = read(declared, said);
    if (value === undefined || !fits(declared, value)) {
      const near = didYouMean(String(said), declared.choices?.map(String) ?? []);
      throw new ParameterError(name, `parameter '${name}' must be ${domain(declared)}, not '${said}'`, near);
    }
    return [name, value];
  });
  return Object.freeze(Object.fromEntries(values));
}

/** What each parameter may be, a line each: `fast, a whole number from 2 on (10): bars of the fast average`. */
export function describeParams(specs: ParamSpecs): string[] {
  return Object.entries(specs).map(([name, spec]) => {
    const declared = declaredOf(spec);
    const about = declared.help === undefined ? "" : `: ${declared.help}`;
    return `${name}, ${domain(declared)} (${declared.default})${about}`;
  });
}

const declaredOf = (spec: ParamSpec): Declared =>
  typeof spec === "object" && spec !== null ? spec : { default: spec };

/** What is wrong with what the strategy declares: it is a user's code. */
function faultOf(declared: Declared): string | undefined {
  const { default: preset } = declared;
  if (!["number", "boolean", "string"].includes(typeof preset)) return "has no default";
  return fits(declared, preset)
    ? undefined
    : `must be ${domain(declared)}, which its default ${preset} isn't`;
}

/** The value that is meant, undefined when it is none of the parameter's type. */
function read({ default: preset }: Declared, said: ParamValue): ParamValue | undefined {
  if (typeof said === typeof preset) return said;
  if (typeof said !== "string") return undefined;
  if (typeof preset === "number") return said.trim() === "" ? undefined : Number(said);
  if (/^(true|yes|on)$/i.test(said.trim())) return true;
  return /^(false|no|off)$/i.test(said.trim()) ? false : undefined;
}

function fits({ min, max, integer, choices }: Declared, value: ParamValue): boolean {
  if (choices !== undefined && !choices.includes(value)) return false;
  if (typeof value !== "number") return true;
  return (
    Number.isFinite(value) &&
    value >= (min ?? Number.NEGATIVE_INFINITY) &&
    value <= (max ?? Number.POSITIVE_INFINITY) &&
    (integer !== true || Number.isInteger(value))
  );
}

/** What a parameter may be, in words: `a whole number from 2 to 200`. */
function domain({ default: preset, min, max, integer, choices }: Declared): string {
  if (choices !== undefined) return choices.join(", ").replace(/, ([^,]*)$/, " or $1");
  if (typeof preset === "boolean") return "true or false";
  if (typeof preset === "string") return "text";
  const kind = integer === true ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} from ${min} on`;
  return max === undefined ? kind : `${kind} up to ${max}`;
}

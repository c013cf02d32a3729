/** Whole numbers of a least step: lots of units, ticks of price. */

/** What so many steps come to: the decimal that people mean, so 3 steps of 0.1 are 0.3, not 0.30000000000000004. */
export function fromSteps(steps: number, step: number): number {
  const inOne = Math.round(1 / step);
  return Math.abs(inOne * step - 1) < 1e-12 ? steps / inOne : steps * step;
}

/** How many steps a value made by {@link fromSteps} is. */
export const stepsIn = (value: number, step: number): number => Math.round(value / step);

/** How many whole steps are in a value: 3 of 0.1 in 0.3, though 0.3 / 0.1 is a little less. */
export function floorSteps(value: number, step: number): number {
  return nearest(value / step) ?? Math.floor(value / step);
}

/** How many whole steps cover a value. */
export function ceilSteps(value: number, step: number): number {
  return nearest(value / step) ?? Math.ceil(value / step);
}

/** The whole number that a quotient of decimals stands for, if it does for one. */
function nearest(quotient: number): number | undefined {
  const whole = Math.round(quotient);
  return Math.abs(quotient - whole) <= Math.abs(whole) * 1e-12 ? whole : undefined;
}

/** `floor(a / b)` of the exact quotient: `Math.floor(a / b)` is one too many when the quotient rounds up to a whole. */
export const floorDivide = (a: number, b: number): number => Math.round((a - (a % b)) / b);

/** Rounds to the nearest whole number, a half to the even one, as Python does. */
export function roundHalfEven(value: number): number {
  const whole = Math.floor(value);
  const rest = value - whole;
  if (rest === 0.5) return whole % 2 === 0 ? whole : whole + 1;
  return rest < 0.5 ? whole : whole + 1;
}

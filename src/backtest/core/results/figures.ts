/** Numbers as people read them. */

export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
/** Units held or traded: as many decimals as they have, within reason. */
export const units = (size: number): string =>
  Math.abs(size).toLocaleString("en-US", { maximumFractionDigits: 8 });
/** With its sign, and a minus as wide as the plus. */
export const signed = (value: number, digits = 2): string =>
  `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
export const side = (size: number): "long" | "short" => (size > 0 ? "long" : "short");
/** `1 order`, `2 orders`. */
export const counted = (count: number, one: string): string =>
  `${whole(count)} ${one}${count === 1 ? "" : "s"}`;

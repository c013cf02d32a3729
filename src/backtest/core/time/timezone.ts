import { didYouMean } from "../../../kernel/core/nearest.ts";

/** Whether there is a time zone of this name: one of IANA's, or an offset as `+02:00`. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The zone that a name which is none may be meant for. */
export const likeTimezone = (name: string): string =>
  didYouMean(name, Intl.supportedValuesOf("timeZone")) ?? "as in America/New_York, Europe/London or UTC";

import { DAY_MS, daysFromCivil, daysInMonth } from "./calendar.ts";

const QUOTE = 34;
const COMMA = 44;
const NEWLINE = 10;
const decoder = new TextDecoder();

/**
 * A field of any form, quoted or not, without the blanks around it. The bytes must hold the whole line.
 * @returns its text and the index of the comma or line end after it; null for a quote that isn't closed on its line.
 */
export function readField(bytes: Uint8Array, start: number): { text: string; end: number } | null {
  let at = start;
  if (bytes[at] === QUOTE) {
    for (at++; ; at++) {
      if (bytes[at] === NEWLINE) return null;
      if (bytes[at] !== QUOTE) continue;
      if (bytes[at + 1] !== QUOTE) break;
      at++; // two quotes stand for one
    }
    const text = decoder.decode(bytes.subarray(start + 1, at)).replaceAll('""', '"');
    const end = unquotedEnd(bytes, at + 1);
    return { text: (text + decoder.decode(bytes.subarray(at + 1, end))).trim(), end };
  }
  const end = unquotedEnd(bytes, at);
  return { text: decoder.decode(bytes.subarray(start, end)).trim(), end };
}

function unquotedEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] !== COMMA && bytes[at] !== NEWLINE) at++;
  // A carriage return belongs to the line end.
  return at > start && bytes[at] === NEWLINE && bytes[at - 1] === 13 ? at - 1 : at;
}

/** A decimal number, with or without exponent; NaN for anything else, infinities too. */
export function parseNumber(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/**
 * A time as UTC milliseconds: `YYYY-MM-DD`, then optionally a blank or `T` and `HH:MM[:SS[.fraction]]`, then
 * optionally `Z` or `+00:00` (a time without a zone means UTC); or whole seconds (9 or 10 digits) or milliseconds (12 or 13)
 * since 1970. NaN for anything else: fewer digits might be a date written without dashes, and so might 12 of them
 * that begin like a year of today.
 */
export function parseTime(text: string): number {
  if (/^\d{9,13}$/.test(text)) {
    if (text.length <= 10) return Number(text) * 1000;
    return text.length === 11 || /^(19|20)\d{10}$/.test(text) ? Number.NaN : Number(text);
  }
  const match =
    /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(?:Z|\+00:?00)?$/.exec(text);
  if (!match) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return Number.NaN;
  if (hour > 23 || minute > 59 || second > 59) return Number.NaN;
  const ms = Math.trunc(Number(`0.${match[7] ?? 0}`) * 1000 + 1e-6);
  return daysFromCivil(year, month, day) * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms;
}

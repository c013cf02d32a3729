/**
 * `Date` as a strategy has it: now is the bar's time, and the machine's zone is nowhere to be seen. What else means a local
 * time means UTC, so that the same strategy comes to the same trades on any machine.
 * @param now UTC ms
 */
export function barDate(now: () => number): DateConstructor {
  const Real = Date;

  /** A text that names no zone is UTC. */
  const parse = (text: string): number => {
    const zoned = /(?:Z|GMT|UTC|[+-]\d\d:?\d\d|\b[A-Z]{2,4}T)\s*(?:\(.*\))?$/i.test(text.trim());
    if (zoned || /^[+-]?\d{4,6}(?:-\d\d(?:-\d\d)?)?$/.test(text.trim())) return Real.parse(text);
    const iso = Real.parse(`${text.trim()}Z`);
    return Number.isNaN(iso) ? Real.parse(`${text} UTC`) : iso;
  };
  const instant = (value: unknown): number => {
    if (value instanceof Real) return value.getTime();
    return typeof value === "string" ? parse(value) : Number(value);
  };

  class BarDate extends Real {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(now());
      else if (args.length === 1) super(instant(args[0]));
      else super(Real.UTC(...(args.map(Number) as [number, number])));
    }

    static override now(): number {
      return now();
    }

    static override parse(text: string): number {
      return parse(String(text));
    }

    override getTimezoneOffset(): number {
      return 0;
    }

    override toString(): string {
      return Number.isNaN(this.getTime()) ? "Invalid Date" : `${this.toDateString()} ${this.toTimeString()}`;
    }

    override toDateString(): string {
      const [day = "", date = "", month = "", year = ""] = this.toUTCString().split(/,? /);
      return Number.isNaN(this.getTime()) ? "Invalid Date" : `${day} ${month} ${date} ${year}`;
    }

    override toTimeString(): string {
      const clock = this.toUTCString().split(" ")[4];
      return Number.isNaN(this.getTime()) ? "Invalid Date" : `${clock} GMT+0000 (Coordinated Universal Time)`;
    }

    override toLocaleString(locales?: Intl.LocalesArgument, options?: Intl.DateTimeFormatOptions): string {
      return super.toLocaleString(locales, { timeZone: "UTC", ...options });
    }

    override toLocaleDateString(
      locales?: Intl.LocalesArgument,
      options?: Intl.DateTimeFormatOptions,
    ): string {
      return super.toLocaleDateString(locales, { timeZone: "UTC", ...options });
    }

    override toLocaleTimeString(
      locales?: Intl.LocalesArgument,
      options?: Intl.DateTimeFormatOptions,
    ): string {
      return super.toLocaleTimeString(locales, { timeZone: "UTC", ...options });
    }
  }
  // What tells of it tells its users' name.
  Object.defineProperty(BarDate, "name", { value: "Date" });
  const parts = ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"];
  for (const part of parts) {
    for (const verb of ["get", "set"]) {
      const utc: unknown = Reflect.get(Real.prototype, `${verb}UTC${part}`);
      if (utc !== undefined)
        Object.defineProperty(BarDate.prototype, verb + part, {
          value: utc,
          configurable: true,
          writable: true,
        });
    }
  }
  // Called without `new` it is the time as text.
  return new Proxy(BarDate as unknown as DateConstructor, { apply: () => new BarDate().toString() });
}

import { loadConfig } from "../../kernel/config/load.ts";
import { logSection, section } from "../../kernel/config/section.ts";
import type { Commission } from "../core/broker/account.ts";
import { parseCommission } from "../core/broker/commission.ts";
import { isTimezone } from "../core/time/timezone.ts";

/** What a run begins with unless the command line or its session file says otherwise. */
export const backtestSection = section("backtest", (z) =>
  z
    .strictObject({
      cash: z.number().positive().default(10_000).describe("the cash a run starts with"),
      commission: z.coerce
        .string()
        .refine((text) => parseCommission(text) !== undefined, {
          error: "must be RATE, FIXED+RATE or AMOUNT/unit, as in 0.5+0.0001",
        })
        .default("0")
        .describe("paid at entry and at exit: RATE of the value, FIXED+RATE, or AMOUNT/unit"),
      spread: z
        .number()
        .min(0)
        .lt(1)
        .default(0)
        .describe("added to the price of entries, as a fraction of it"),
      timezone: z
        .string()
        .refine(isTimezone, { error: "isn't a time zone, as in America/New_York" })
        .default("America/New_York")
        .describe("the zone of trading days and derived bars"),
      checkpoint_seconds: z
        .number()
        .min(0.1)
        .max(3600)
        .default(3)
        .describe("the time between two checkpoints"),
    })
    .describe("backtests"),
);

/** The configuration of a run and of its host's log. */
export async function settings() {
  const { backtest, log } = (await loadConfig([logSection, backtestSection])).values;
  return {
    ...backtest,
    commission: parseCommission(backtest.commission) as Commission,
    log: { level: log.level, maxBytes: log.max_bytes, keep: log.keep },
  };
}

import { fileURLToPath } from "node:url";
import { minuteSample } from "../../core/data/minute-sample.ts";

/** The sample that a run works when nothing else is asked for. */
export const SAMPLE_SYMBOL = "EURUSD";

/** Bars that come with stint. */
export type Sample = {
  readonly name: string;
  readonly what: string;
  /** Where they come from. */
  readonly source: string;
  /** Where they can be read, or what they are. */
  open(): Promise<{ readonly path: string } | { readonly bytes: Uint8Array }>;
};

export const SAMPLES: readonly Sample[] = [
  {
    name: SAMPLE_SYMBOL,
    what: "5,000 hourly bars, 2017-04-19 to 2018-02-07",
    source: "the test data of backtesting.py",
    async open() {
      if (!("Bun" in globalThis))
        return { path: fileURLToPath(new URL("../../sample/EURUSD.csv", import.meta.url)) };
      // Embeds the file in the executable; from source it is the file itself.
      return { path: (await import("../../sample/EURUSD.csv", { with: { type: "file" } })).default };
    },
  },
  {
    name: "BTCUSD",
    what: "156 monthly bars, 2012-01-31 to 2024-12-31, stamped on the last day",
    source: "the test data of backtesting.py",
    async open() {
      if (!("Bun" in globalThis))
        return { path: fileURLToPath(new URL("../../sample/BTCUSD.csv", import.meta.url)) };
      return { path: (await import("../../sample/BTCUSD.csv", { with: { type: "file" } })).default };
    },
  },
  {
    name: "MINUTE",
    what: "5,000 bars of a minute, 2024-01-01 to 2024-01-04",
    source: "made: a seeded random walk, no market",
    open: async () => ({ bytes: new TextEncoder().encode(minuteSample()) }),
  },
];

/** The sample of a name, in any case. */
export const findSample = (name: string): Sample | undefined =>
  SAMPLES.find((sample) => sample.name === name.toUpperCase());

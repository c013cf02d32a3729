import { fileURLToPath } from "node:url";

export const SAMPLE_SYMBOL = "EURUSD";

/** The path of the bundled bars: 5,000 hourly bars of EURUSD, 2017-04-19 … 2018-02-07. */
export async function samplePath(): Promise<string> {
  if (!("Bun" in globalThis)) return fileURLToPath(new URL("../sample/EURUSD.csv", import.meta.url));
  // Embeds the file in the executable; from source it is the file itself.
  const { default: path } = await import("../sample/EURUSD.csv", { with: { type: "file" } });
  return path;
}

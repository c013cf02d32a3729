import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** CLOCK_MONOTONIC of clock_gettime(2). */
const MONOTONIC = 1;
let clockGettime: ((clock: number, at: BigInt64Array) => number) | undefined;

/**
 * Microseconds on a clock that all processes of this machine share and nobody sets. `performance.now()` begins anew in
 * each process. Where there is no such clock (under Deno, elsewhere than on Linux) it is the wall clock.
 */
export function monotonicMicros(): number {
  if (!("Bun" in globalThis) || process.platform !== "linux") return Date.now() * 1000;
  if (!clockGettime) {
    const { dlopen } = require("bun:ffi") as typeof import("bun:ffi");
    const library = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
    clockGettime = library.symbols.clock_gettime as NonNullable<typeof clockGettime>;
  }
  // struct timespec: seconds, nanoseconds
  const at = new BigInt64Array(2);
  clockGettime(MONOTONIC, at);
  const [seconds = 0n, nanoseconds = 0n] = at;
  return Number(seconds) * 1e6 + Math.floor(Number(nanoseconds) / 1000);
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The value below which `share` of them lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Prints what was measured beside what was asked for. */
export function row(what: string, measured: number, unit: string, wanted: string): void {
  console.log(
    `${what.padEnd(52)} ${measured.toPrecision(3).padStart(8)} ${unit.padEnd(3)} (wanted: ${wanted} ${unit})`,
  );
}

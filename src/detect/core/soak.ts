/** Whether anything grows while everything around it fails again and again. Pure. */

/** What a host used at a quiet moment: every camera live, the guard well. */
export type SoakSample = {
  /** Minutes since the start, from 1. */
  readonly minute: number;
  /** Percent of one core, of the host without its ffmpeg, over the minute. */
  readonly cpu: number;
  readonly rss: number;
  /** Bytes that are kept: the store, snapshots, clips and logs. */
  readonly disk: number;
  readonly descriptors: number;
  readonly children: number;
  /** Timers that are alive in the host; null where the runtime doesn't say. */
  readonly timers: number | null;
  readonly reconnects: number;
  readonly cycles: number;
  /** Faults so far. */
  readonly faults: number;
};

/** What RSS may have come to beyond what it was, bytes. */
const RSS_SLACK = 3 * 2 ** 20;
/** The first minutes warm up. */
const WARM = 5;
const WINDOW = 5;

/** What has grown, in words; empty when nothing has. @param kept bytes that may be kept at most */
export function grown(samples: readonly SoakSample[], kept: number): string[] {
  const last = samples.at(-1);
  if (!last) return ["nothing was measured"];
  const most = (key: "descriptors" | "children" | "timers", of: readonly SoakSample[]) =>
    Math.max(...of.map((sample) => sample[key] ?? 0));
  const grew: string[] = (["descriptors", "children", "timers"] as const)
    .map((key) => ({ key, was: most(key, samples.slice(0, WARM)), is: most(key, samples.slice(-WINDOW)) }))
    .filter(({ was, is }) => is > was)
    .map(({ key, was, is }) => `${key}: ${was} → ${is}`);
  const before = samples.filter(({ minute }) => minute > WARM && minute <= WARM + WINDOW);
  const after = samples.slice(-WINDOW);
  // With less than that there is nothing to compare.
  if (before.length === WINDOW && last.minute >= WARM + 2 * WINDOW) {
    const [was, is] = [median(before.map(({ rss }) => rss)), median(after.map(({ rss }) => rss))];
    if (is > was + RSS_SLACK) grew.push(`rss: ${megabytes(was)} → ${megabytes(is)}`);
  }
  if (last.disk > kept) grew.push(`disk: ${megabytes(last.disk)} where ${megabytes(kept)} may be kept`);
  return grew;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

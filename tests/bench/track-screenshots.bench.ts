// Memory of a host that takes ten screenshots a minute for an hour: bun tests/bench/track-screenshots.bench.ts [MINUTES [SECONDS]]
// SECONDS between two, 6 unless it is said: with 1, an hour's are taken in ten minutes.
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";
import { cpuMs, memory, seated } from "./processes.ts";
import { row } from "./table.ts";

const minutes = Number(process.argv[2] ?? 60);
const seconds = Number(process.argv[3] ?? 6);

await using display = await X11.open({ size: "1920x1080x24" });
await using box = new TrackBox({
  ...display.env,
  STINT_TRACK_SCREENSHOT_MIN: `${seconds}s`,
  STINT_TRACK_SCREENSHOT_MAX: `${seconds}s`,
  // Nobody is there, and none would be taken.
  STINT_TRACK_AFK_AFTER: "24h",
});
await display.xterm("screenshots");
await box.track("start", "--detach", "--only", "keyboard,mouse,apps,screenshots");
const { pid } = (await seated(box, "track")).host;
await box.until(({ screenshots }) => Number(screenshots) >= 10, 120_000);
const first = memory(pid);
const spent = cpuMs(pid);
const readings = [first.rss];
const quarter = (minutes * 60_000) / 4;
for (let n = 1; n <= 4; n++) {
  await Bun.sleep(quarter);
  readings.push(memory(pid).rss);
  console.error(`${n} of 4 quarters: ${readings.at(-1)?.toFixed(1)} MB`);
}
const { screenshots } = await box.track("status");
row(
  `screenshots in ${minutes} min and a little more`,
  Number(screenshots),
  "",
  String(Math.round(10 + (minutes * 60) / seconds)),
);
readings.forEach((rss, n) => {
  row(n === 0 ? "RSS after the first ten" : `RSS after ${(n * minutes) / 4} min`, rss, "MB", "flat");
});
row("share of a core", (100 * (cpuMs(pid) - spent)) / (minutes * 60_000), "%", "no goal");

// Memory of a host that takes ten screenshots a minute: bun tests/bench/track-screenshots.bench.ts [MINUTES]
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";
import { cpuMs, memory, seated } from "./processes.ts";
import { row } from "./table.ts";

const minutes = Number(process.argv[2] ?? 60);

await using display = await X11.open({ size: "1920x1080x24" });
await using box = new TrackBox({
  ...display.env,
  STINT_TRACK_SCREENSHOT_MIN: "6s",
  STINT_TRACK_SCREENSHOT_MAX: "6s",
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
row(`screenshots in ${minutes} min and a little more`, Number(screenshots), "", String(10 + minutes * 10));
readings.forEach((rss, n) => {
  row(n === 0 ? "RSS after the first ten" : `RSS after ${(n * minutes) / 4} min`, rss, "MB", "flat");
});
row("share of a core", (100 * (cpuMs(pid) - spent)) / (minutes * 60_000), "%", "no goal");

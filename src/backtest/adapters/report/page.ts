import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ReportData } from "../../core/results/report-data.ts";
import { reportPayload } from "../../core/results/report-payload.ts";
import { formatTime } from "../../core/time/calendar.ts";

/** What the page is put together from. */
type Assets = {
  readonly html: string;
  readonly style: string;
  readonly plotStyle: string;
  readonly script: string;
  readonly charts: string;
  readonly plots: string;
  /** As the charts' terms ask for it. */
  readonly chartsLicense: string;
  readonly plotsLicense: string;
};

/**
 * The report as one page that needs no network, and whose policy allows none. What comes from the user is in the packed
 * data alone, but for the title.
 * @param now UTC ms
 */
export async function reportPage(data: ReportData, now: number): Promise<string> {
  const found = await ("Bun" in globalThis ? embedded() : onDisk());
  const style = found.plotStyle + found.style;
  const scripts = [found.charts, found.plots, found.script].map(withoutEnd);
  // A tenth larger than at the usual level, in a third of the time.
  const packed = await promisify(gzip)(
    reportPayload(data, `Times are UTC. Made by stint on ${formatTime(now)}.`),
    {
      level: 3,
    },
  );
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(hashOf).join(" ")}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return filled(found.html, {
    'content=""': `content="${policy}"`,
    "<title>stint backtest": `<title>${escaped(data.title)}`,
    "<style>": `<style>${style}`,
    '<pre id="charts-license">': `<pre>${escaped(found.chartsLicense)}`,
    '<pre id="plots-license">': `<pre>${escaped(found.plotsLicense)}`,
    'id="data">': `id="data">${packed.toString("base64")}`,
    "</body>": `${scripts.map((script) => `<script>${script}</script>\n`).join("")}</body>`,
  });
}

/** The text with each of these in place of its first, all in one go: what is put in is looked through for none. */
function filled(text: string, places: Readonly<Record<string, string>>): string {
  const found = Object.entries(places).map(([place, content]) => {
    const at = text.indexOf(place);
    if (at < 0) throw new Error(`the page has no ${place}`);
    return { at, end: at + place.length, content };
  });
  let done = "";
  let from = 0;
  for (const { at, end, content } of found.sort((a, b) => a.at - b.at)) {
    done += text.slice(from, at) + content;
    from = end;
  }
  return done + text.slice(from);
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Nothing within a script may end it, nor begin a comment that hides its end. */
function withoutEnd(script: string): string {
  if (/<\/script|<!--/i.test(script)) throw new Error("a script of the page holds what would end it");
  return script;
}

/** Bun puts the files into the executable. */
async function embedded(): Promise<Assets> {
  const [html, style, plotStyle, script, charts, plots, chartsLicense, plotsLicense] = await Promise.all([
    import("./page.html", { with: { type: "text" } }),
    import("./page.css", { with: { type: "text" } }),
    import("../../../../node_modules/uplot/dist/uPlot.min.css", { with: { type: "text" } }),
    import("./browser.js", { with: { type: "text" } }),
    import("../../../../node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js", {
      with: { type: "text" },
    }),
    import("../../../../node_modules/uplot/dist/uPlot.iife.min.js", { with: { type: "text" } }),
    import("../../../../node_modules/lightweight-charts/LICENSE", { with: { type: "text" } }),
    import("../../../../node_modules/uplot/LICENSE", { with: { type: "text" } }),
  ]);
  return {
    // The type is Bun's for a bundle; as text it is a string.
    html: html.default as unknown as string,
    style: style.default,
    plotStyle: plotStyle.default,
    script: script.default,
    charts: charts.default,
    plots: plots.default,
    chartsLicense: chartsLicense.default,
    plotsLicense: plotsLicense.default,
  };
}

function onDisk(): Assets {
  const text = (url: URL) => readFileSync(url, "utf8");
  const packaged = (path: string) =>
    text(new URL(path, new URL("../../../../node_modules/", import.meta.url)));
  return {
    html: text(new URL("./page.html", import.meta.url)),
    style: text(new URL("./page.css", import.meta.url)),
    plotStyle: packaged("uplot/dist/uPlot.min.css"),
    script: text(new URL("./browser.js", import.meta.url)),
    charts: packaged("lightweight-charts/dist/lightweight-charts.standalone.production.js"),
    plots: packaged("uplot/dist/uPlot.iife.min.js"),
    chartsLicense: packaged("lightweight-charts/LICENSE"),
    plotsLicense: packaged("uplot/LICENSE"),
  };
}

import { Curve } from "../core/curve.ts";
import type { Statistics } from "../core/statistics.ts";

const WIDTH = 1200;
const HEIGHT = 675;
const LEFT = 90;
const RIGHT = 30;
const POINTS = WIDTH - LEFT - RIGHT;

type Frame = { top: number; height: number; low: number; high: number };

const y = ({ top, height, low, high }: Frame, value: number): number =>
  top + height * (1 - (value - low) / (high - low || 1));

function path(values: readonly number[], frame: Frame): string {
  const step = POINTS / Math.max(1, values.length - 1);
  return values
    .map(
      (value, at) => `${at === 0 ? "M" : "L"}${(LEFT + at * step).toFixed(1)} ${y(frame, value).toFixed(1)}`,
    )
    .join("");
}

function grid(frame: Frame, unit: string): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const value = frame.low + (frame.high - frame.low) * share;
      const at = y(frame, value).toFixed(1);
      const label = Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(2);
      return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#e4e4e0"/>
        <text x="${LEFT - 8}" y="${Number(at) + 5}" text-anchor="end">${label}${unit}</text>`;
    })
    .join("");
}

const markup = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** A PNG of a run's equity and drawdown, {@link WIDTH} by {@link HEIGHT} pixels. @param run.equity one value a bar */
export async function drawPicture(run: {
  title: string;
  equity: Float64Array;
  statistics: Statistics;
}): Promise<Uint8Array> {
  const curve = new Curve(run.equity.length, POINTS);
  curve.extend(run.equity, run.equity.length);
  const top: Frame = {
    top: 80,
    height: 350,
    low: Math.min(...curve.equity),
    high: Math.max(...curve.equity),
  };
  const bottom: Frame = { top: 480, height: 150, low: Math.min(curve.maxDrawdown, -0.01), high: 0 };
  const { return_pct, sharpe, trades } = run.statistics;
  const number = (value: number | null) => (value === null ? "–" : value.toFixed(2));
  const facts = `return ${number(return_pct)} %   max drawdown ${number(curve.maxDrawdown)} %   Sharpe ${number(sharpe)}   trades ${trades}`;
  const area = `${path(curve.drawdown, bottom)}V${bottom.top}H${LEFT}Z`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"
    font-family="DejaVu Sans, sans-serif" font-size="14" fill="#555">
    <rect width="100%" height="100%" fill="#fff"/>
    <text x="${LEFT}" y="36" font-size="22" fill="#111">${markup(run.title)}</text>
    <text x="${LEFT}" y="60">${facts}</text>
    ${grid(top, "")}<path d="${path(curve.equity, top)}" fill="none" stroke="#1764ab" stroke-width="1.5"/>
    ${grid(bottom, " %")}<path d="${area}" fill="#c43c39" fill-opacity=".35" stroke="#c43c39"/>
  </svg>`;
  const { default: sharp } = await import("sharp");
  return sharp(Buffer.from(svg)).png().toBuffer();
}

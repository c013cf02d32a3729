/** What a supervisor says of its modules to whoever watches it, and the words for it. Pure. */
import type { ModuleRow } from "./module.ts";

/** The state as it is pushed. Times are UTC ms. */
export type Pushed = {
  readonly v: 1;
  readonly session_id: string | null;
  readonly profile: string;
  /** Of the session: `running`, `stopped`… */
  readonly state: string;
  /** What the session is on its way to: `starting`, `stopping`. */
  readonly pending?: string;
  /** What the supervisor does without. */
  readonly degraded: readonly string[];
  /** The folder of the modules. */
  readonly dir: string;
  /** Not there while the host is still opening. */
  readonly modules?: readonly ModuleRow[];
  /** The last thing that is worth telling whoever looks; null when there is none. */
  readonly notice: string | null;
  /** The number of the last trial; 0 before the first. */
  readonly trial: number;
  /** When this was true. */
  readonly as_of: number;
  /** `false`: no host is alive. */
  readonly host?: boolean;
};

/** Whether something went wrong with a module, and nothing is done about it. */
export const isFailed = ({ actual }: Pick<ModuleRow, "actual">): boolean =>
  actual === "ERROR" || actual === "CRASHED";

/** `5 on`, `1 failed`, `2 recording`, `12 restarts`; but for the first, only what there is any of. */
export function summaryTexts(modules: readonly ModuleRow[]): string[] {
  const count = (is: (module: ModuleRow) => boolean) => modules.filter(is).length;
  const restarts = modules.reduce((sum, module) => sum + module.restarts, 0);
  const more: readonly [number, string][] = [
    [count(isFailed), "failed"],
    [count(({ actual }) => actual === "RECORDING"), "recording"],
    [restarts, restarts === 1 ? "restart" : "restarts"],
  ];
  return [
    `${count(({ desired }) => desired === "on")} on`,
    ...more.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`),
  ];
}

/** How long something has been up, in at most 6 characters: `03:12`, `1h02m`, `9d23h`, `365d`. */
export function upText(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  const two = (n: number) => String(n).padStart(2, "0");
  if (hours === 0) return `${two(minutes)}:${two(seconds % 60)}`;
  if (days === 0) return `${hours}h${two(minutes % 60)}m`;
  return days < 10 ? `${days}d${two(hours % 24)}h` : `${days}d`;
}

/** Percent of one CPU: `2.1 %`, `250 %`; nothing while it isn't measured. */
export const cpuText = (percent: number | null): string =>
  percent === null ? "" : `${percent < 99.95 ? percent.toFixed(1) : Math.round(percent)} %`;

/** Bytes, in binary units: `640 K`, `58 M`, `1.2 G`; nothing while it isn't measured. */
export function memoryText(bytes: number | null): string {
  if (bytes === null) return "";
  const [kib, mib, gib] = [1, 2, 3].map((power) => bytes / 1024 ** power) as [number, number, number];
  if (Math.round(kib) < 1_000) return `${Math.round(kib)} K`;
  if (Math.round(mib) < 1_000) return `${Math.round(mib)} M`;
  return `${gib < 9.95 ? gib.toFixed(1) : Math.round(gib)} G`;
}

/** Why a module is as it is, or how it ended last; nothing where there is neither. */
export const lastText = ({ reason, last_exit }: Pick<ModuleRow, "reason" | "last_exit">): string =>
  reason ?? last_exit ?? "";

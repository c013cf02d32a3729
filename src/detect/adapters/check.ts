import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Context } from "../../kernel/command.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { Exit } from "../../kernel/errors.ts";
import { shownPath } from "../../kernel/paths.ts";
import { findProgram } from "../../kernel/programs.ts";
import { type CameraConfig, type Hooks, type Installation, zoneId } from "../core/installation.ts";
import { checkInstallation, type Inspection, inWords } from "./installation.ts";

/** Something that is allowed, and perhaps not meant. `about` is a file, a camera, a zone; it repeats no address. */
type Warning = { readonly about: string; readonly text: string; readonly hint?: string };

/**
 * `stint detect check`: where the installation file is, and everything that is wrong with it or worth a look. It
 * writes and migrates nothing, and runs nothing but a model of the user's, once.
 * @returns 0, or 78 when there is a problem @throws Expected 74 when the file can't be read
 */
export async function check({ output, profile }: Context): Promise<number> {
  const found = await checkInstallation(profile);
  const { path, exists, version, installation, problems } = found;
  const shown = shownPath(path);
  for (const problem of problems) {
    const { hint = null } = problem;
    output.emit({ type: "problem", ...problem, hint }, () => {
      const place = problem.line === null ? shown : `${shown}:${problem.line}:${problem.column}`;
      const words = oneLine(inWords({ ...problem, line: null }));
      return `${output.paint(31, oneLine(place))}: ${words}${hint === null ? "" : `\n  ${oneLine(hint)}`}`;
    });
  }
  const warnings = [...fileWarnings(found), ...(installation ? installedWarnings(installation) : [])];
  for (const { about, text, hint } of warnings) {
    output.emit({ type: "warning", about, text, hint: hint ?? null }, () => {
      const more = hint === undefined ? "" : `\n  ${oneLine(hint)}`;
      return `${output.paint(33, oneLine(about))}: ${oneLine(text)}${more}`;
    });
  }
  const counts = {
    cameras: installation?.cameras.length ?? null,
    zones: installation?.cameras.flatMap(({ zones }) => zones).length ?? null,
    relays: installation?.relays.length ?? null,
  };
  const summary = { path, exists, version, ...counts, problems: problems.length, warnings: warnings.length };
  output.emit({ type: "detect_check", ...summary }, () => {
    const what =
      counts.cameras === null
        ? ""
        : `: ${counts.cameras} cameras, ${counts.zones} zones, ${counts.relays} relays`;
    const wrong =
      problems.length === 0
        ? "no problem"
        : `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
    return `${shown}${exists ? "" : " (not there)"}${what}; ${wrong}`;
  });
  return problems.length === 0 ? Exit.ok : Exit.config;
}

function fileWarnings({ path, exists, version, modelUntried }: Inspection): Warning[] {
  const warnings: Warning[] = [];
  const about = shownPath(path);
  if (exists && ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0) {
    warnings.push({ about, text: "others may read it, and passwords in it", hint: `chmod 600 ${about}` });
  }
  if (version === 1) {
    const text = `is of version ${version}: what reads it next migrates it, and keeps it as ${about}.v${version}`;
    warnings.push({ about, text });
  }
  if (findProgram("ffmpeg") === undefined) {
    const hint = "on Debian: apt install ffmpeg";
    warnings.push({ about: "ffmpeg", text: "isn't in the PATH: no camera can be opened", hint });
  }
  if (modelUntried !== undefined) {
    warnings.push({ about: "detector.model", text: `it wasn't tried: ${modelUntried}` });
  }
  return warnings;
}

function installedWarnings({ cameras, hooks }: Installation): Warning[] {
  const none = { about: "cameras", text: "there are none", hint: "stint detect cameras add NAME URL" };
  return [
    ...(cameras.length === 0 ? [none] : []),
    ...cameras.flatMap((camera) => [...addressWarnings(camera), ...zoneWarnings(camera)]),
    ...hookWarnings(hooks),
  ];
}

/** A program may be there only once it is needed: no problem. */
function hookWarnings({ timeout_ms: _, ...commands }: Hooks): Warning[] {
  return Object.entries(commands).flatMap(([kind, command]): Warning[] => {
    const program = command?.[0];
    if (program === undefined) return [];
    const about = `hooks.${kind}`;
    if (program.startsWith("/")) {
      return existsSync(program) ? [] : [{ about, text: `${program} isn't there` }];
    }
    // Where another path goes on from is for the host to know.
    const found = program.includes("/") || findProgram(program) !== undefined;
    return found ? [] : [{ about, text: `there is no program ${program} in the PATH` }];
  });
}

function addressWarnings({ name, url }: CameraConfig): Warning[] {
  const about = `camera ${name}`;
  if (/^http:\/\/[^/@]+@/i.test(url)) {
    return [
      { about, text: "its password goes over the network in the clear", hint: "https:// where it can" },
    ];
  }
  const file = fileOf(url);
  return file === undefined || existsSync(file) ? [] : [{ about, text: `${file} isn't there` }];
}

/** The path that an address on this machine stands for. */
function fileOf(url: string): string | undefined {
  if (url.startsWith("/")) return url;
  const path = /^(?:file|v4l2):\/\/(\/.*)$/is.exec(url)?.[1];
  if (path === undefined || /^v4l2:/i.test(url)) return path;
  try {
    return fileURLToPath(url);
  } catch {
    return path;
  }
}

function zoneWarnings({ name: camera, zones }: CameraConfig): Warning[] {
  return zones.flatMap((zone) => {
    const about = `zone ${zoneId(camera, zone.name)}`;
    const warnings: Warning[] = [];
    if (zone.relays.length === 0) warnings.push({ about, text: "it switches no relay" });
    const filtered = zone.min_area > 0 || zone.max_area < 1 || zone.min_ratio > 0 || zone.max_ratio < 100;
    if (zone.mode === "permit" && filtered) {
      const text = "people whose size or shape its limits leave out don't withdraw the permission";
      warnings.push({ about, text });
    }
    return warnings;
  });
}

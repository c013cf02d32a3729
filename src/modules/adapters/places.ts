import { readdirSync } from "node:fs";
import { join } from "node:path";
import { stateFolder, statePath } from "../../kernel/paths.ts";

/** Where a profile's supervisor keeps what is to outlive it: `$XDG_STATE_HOME/stint/modules/`. */
export class Places {
  /** The folder of all of it; nothing is made. */
  readonly folder: string;

  constructor(profile: string) {
    this.folder = join(statePath(), profile === "default" ? "modules" : `modules.${profile}`);
  }

  /** What runs now, for the start after a crash. */
  get running(): string {
    return join(this.folder, "running_modules.json");
  }

  /** What has happened, as NDJSON; rotated. */
  get events(): string {
    return join(this.folder, "events.log");
  }

  /** The supervisors of other profiles that were ever here. */
  get others(): { profile: string; running: string }[] {
    let folders: string[];
    try {
      folders = readdirSync(statePath());
    } catch {
      return [];
    }
    return folders.flatMap((name) => {
      const [, profile = "default"] = /^modules(?:\.(.+))?$/.exec(name) ?? [];
      const isOne = name === "modules" || name.startsWith("modules.");
      if (!isOne || join(statePath(), name) === this.folder) return [];
      return [{ profile, running: join(statePath(), name, "running_modules.json") }];
    });
  }

  /** The folder of one module's log and pipes. */
  of(name: string): { folder: string; log: string; raw: string; stdin: string; leader: string } {
    const folder = join(this.folder, name);
    return {
      folder,
      /** What it said, line by line with the time; rotated to `log.1` and so on. */
      log: join(folder, "log"),
      /** What it writes itself, until it is taken into the log. */
      raw: join(folder, "raw"),
      /** The pipe on which it is told what to do. */
      stdin: join(folder, "stdin"),
      /** Which process leads its run. */
      leader: join(folder, "leader"),
    };
  }

  /** Makes sure that stint's own folder is there and private. */
  prepare(): void {
    stateFolder();
  }
}

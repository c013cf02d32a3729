import { systemClock } from "../../kernel/clock.ts";
import { SystemManager } from "../core/engine/system.ts";

let manager: SystemManager | undefined;

/** The engine's state in this process: a host has one run. */
export function getSystemManager(): SystemManager {
  manager ??= new SystemManager(systemClock);
  return manager;
}

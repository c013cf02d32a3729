import { loadConfig } from "../../kernel/config/load.ts";
import { logSection, section, type Values } from "../../kernel/config/section.ts";

const mine = { userOnly: true };

/** The settings of the supervisor; what a module is to do says its own folder. */
export const modulesSection = section("modules", (z) =>
  z
    .strictObject({
      dir: z
        .string()
        .min(1)
        .default("modules")
        .describe("the folder of the modules, which `up` takes")
        .meta(mine),
      log_bytes: z
        .int()
        .min(65_536)
        .max(1 << 30)
        .default(8 << 20)
        .describe("the size at which a module's log is rotated"),
      log_keep: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe("how many rotated files are kept of a module's log"),
    })
    .describe("the supervisor of modules"),
);

export type ModulesSettings = Values<[typeof modulesSection]>["modules"];

/** The configuration of the supervisor and of its own log. */
export async function settings() {
  const { modules, log } = (await loadConfig([logSection, modulesSection])).values;
  return { modules, log: { level: log.level, maxBytes: log.max_bytes, keep: log.keep } };
}

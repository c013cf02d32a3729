import { loadConfig } from "../../kernel/config/load.ts";
import { logSection } from "../../kernel/config/section.ts";

/** How the log of a host is kept; what the host is to do says the installation file. */
export async function logSettings() {
  const { level, max_bytes, keep } = (await loadConfig([logSection])).values.log;
  return { level, maxBytes: max_bytes, keep };
}

import { backtestSection } from "./backtest/adapters/settings.ts";
import { logSection, type Section } from "./kernel/config/section.ts";
import { modulesSection } from "./modules/adapters/settings.ts";
import { pomoSection } from "./pomo/adapters/settings.ts";
import { trackSection } from "./track/adapters/settings.ts";

/** Every section of the configuration there is. */
export const sections: readonly Section[] = [
  logSection,
  trackSection,
  pomoSection,
  modulesSection,
  backtestSection,
];

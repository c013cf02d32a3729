import { showHosted } from "../../kernel/attach.ts";
import type { Context } from "../../kernel/command.ts";
import { runHost } from "../../kernel/host.ts";
import { inBackground } from "../../kernel/launch.ts";
import type { Happening } from "../core/manager.ts";
import { openModules } from "./host.ts";
import { type Hosted, takenText } from "./reach.ts";
import { view } from "./screen.ts";
import { settings } from "./settings.ts";
import { schema } from "./trials.ts";

/** Hosts a supervisor until it is told to end. @param tell told what happens, where nobody sees a screen */
export async function hostModules(
  context: Context,
  { session, dir, recreated, taken }: Hosted,
  tell: (happening: Happening) => void,
): Promise<void> {
  const { profile, life, output } = context;
  await using _ = output.neverWait();
  const config = await settings();
  using log = context.log(`modules.${profile}`, config.log);
  const hosting = {
    kind: "modules",
    profile,
    session,
    schemas: [schema],
    recreated,
    life,
    log,
    opensWhole: true,
  } as const;
  await runHost(hosting, async (host) => {
    const activity = await openModules(host, dir, config.modules);
    if (taken > 0 && !inBackground()) output.note(takenText(taken));
    if (output.terminal && !output.json) showHosted(context, host, { view: view(profile), tell: () => {} });
    else if (!inBackground()) {
      output.onClosed(() => host.end());
      activity.given.rack.manager.observe("output", tell);
    }
    return activity;
  });
}

import { showHosted } from "../../kernel/attach.ts";
import type { Context } from "../../kernel/command.ts";
import { runHost } from "../../kernel/host.ts";
import { inBackground } from "../../kernel/launch.ts";
import type { EventRow } from "../core/event.ts";
import { openDetect } from "./host.ts";
import { schema } from "./journal.ts";
import type { Hosted } from "./reach.ts";
import { view } from "./screen.ts";
import { logSettings } from "./settings.ts";

/** Hosts detection until it is told to end. @param tell told what happens, where nobody sees a screen */
export async function hostDetect(
  context: Context,
  hosted: Hosted,
  tell: (row: EventRow) => void,
): Promise<void> {
  const { profile, life, output } = context;
  using log = context.log(`detect.${profile}`, await logSettings());
  await using _ = output.neverWait();
  const { session, recreated } = hosted;
  const hosting = { kind: "detect", profile, session, schemas: [schema], recreated, life, log } as const;
  await runHost(hosting, async (host) => {
    const isScreen = output.terminal && !output.json;
    const activity = await openDetect(host, hosted, isScreen ? () => {} : tell);
    if (isScreen) showHosted(context, host, { view: view(context), tell: () => {} });
    else if (!inBackground()) output.onClosed(() => host.end());
    return activity;
  });
}

import { showHosted } from "../../kernel/attach.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { runHost } from "../../kernel/host.ts";
import { openTrack } from "./host.ts";
import { schema } from "./journal.ts";
import type { Hosted } from "./reach.ts";
import { view } from "./screen.ts";
import { settings } from "./settings.ts";

/** Hosts a session until it is stopped. @param tell told each state, when nobody sees a screen */
export async function hostTrack(
  context: Context,
  { session, request }: Hosted,
  tell: (state: State) => void,
): Promise<void> {
  const { profile, life } = context;
  const config = await settings();
  using log = context.log(`track.${profile}`, config.log);
  const recreated = request.kind !== "start";
  const hosting = { kind: "track", profile, session, schemas: [schema], recreated, life, log } as const;
  await runHost(hosting, async (host) => {
    const activity = await openTrack(host, request, config.track);
    showHosted(context, host, { view: view(profile), tell });
    return activity;
  });
}

import { showHosted } from "../../kernel/attach.ts";
import type { Context } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { runHost } from "../../kernel/host.ts";
import type { Log } from "../../kernel/log.ts";
import type { Part } from "../../kernel/stack.ts";
import { type Address, parseAddress } from "../core/address.ts";
import { openPomo } from "./host.ts";
import { schema } from "./journal.ts";
import type { Hosted } from "./reach.ts";
import { view } from "./screen.ts";
import { settings } from "./settings.ts";

/** Hosts a session until it is stopped. @param tell told each state, when nobody sees a screen */
export async function hostPomo(
  context: Context,
  { session, request }: Hosted,
  tell: (state: State) => void,
): Promise<void> {
  const { profile, life } = context;
  const config = await settings();
  using log = context.log(`pomo.${profile}`, config.log);
  const recreated = request.kind !== "start";
  const hosting = { kind: "pomo", profile, session, schemas: [schema], recreated, life, log } as const;
  const address = parseAddress(config.pomo.listen);
  const served = address && (await pageOf(context, address, log));
  await runHost(hosting, async (host) => {
    const activity = await openPomo(host, request, config.pomo, served);
    showHosted(context, host, { view: view(profile), tell });
    return activity;
  });
}

/** The page that the configuration asks for: this host's own, gone with it. */
async function pageOf({ profile }: Context, address: Address, log: Log): Promise<(control: Control) => Part> {
  const [{ page }, { pageToken }] = await Promise.all([import("./page/page.ts"), import("./page/token.ts")]);
  const token = pageToken(profile, (text) => log.warn(text));
  return (control) => page({ control, address, token, log: log.for("page") });
}

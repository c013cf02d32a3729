import type { Context, Options } from "../../../kernel/command.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { Stack } from "../../../kernel/stack.ts";
import { ADDRESS_RULE, parseAddress } from "../../core/address.ts";
import { reachOf } from "../reach.ts";
import { settings } from "../settings.ts";
import { page } from "./page.ts";
import { pageToken } from "./token.ts";

const DEFAULT_ADDRESS = "127.0.0.1:7625";

/** `stint pomo serve`: the page of the profile's timer, whether one runs or not, until a signal. */
export async function serve(context: Context, options: Options): Promise<number> {
  const { output, life, profile } = context;
  const given = (options["listen"] as string | undefined) ?? DEFAULT_ADDRESS;
  const address = parseAddress(given);
  if (!address) {
    throw new Expected(Exit.usage, `'${given}' isn't a loopback address with a port`, ADDRESS_RULE);
  }
  const { log: logging } = await settings();
  using log = context.log(`pomo.${profile}.serve`, logging);
  const token = pageToken(profile, (text) => {
    log.warn(text);
    output.note(text);
  });
  const left = Promise.withResolvers<void>();
  const stack = new Stack();
  using _ = life.own({ end: () => left.resolve(), hurry: async () => {} });
  output.onClosed(left.resolve);
  try {
    const { url } = await stack.open(
      "state",
      "page",
      page({ control: reachOf(context), address, token, log }),
    );
    output.emit({ type: "serve", url, profile }, () => url);
    output.note("ctrl+c stops serving; the timer goes on");
    await left.promise;
  } finally {
    await stack[Symbol.asyncDispose]();
  }
  return Exit.ok;
}

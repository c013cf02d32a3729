import { connect } from "../../kernel/client.ts";
import { findHosts } from "../../kernel/seat.ts";

/** Tells the timer of a profile, if it runs, that tasks or history have changed in the store. */
export async function poke(profile: string): Promise<void> {
  const [seat] = findHosts({ kind: "pomo", profile });
  // One that doesn't answer reads the store when it next looks: what was asked for is done already.
  if (seat)
    await connect(seat)
      .command("refresh")
      .catch(() => undefined);
}

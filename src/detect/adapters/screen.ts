import { attach, type View } from "../../kernel/attach.ts";
import type { Context } from "../../kernel/command.ts";
import type { Control } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Picture } from "../core/frame.ts";
import { scaled } from "../core/picture.ts";
import type { DetectView } from "../core/view.ts";
import { reachOf } from "./reach.ts";

/** The full screen of a profile's detection, and what it asks for beside the state. */

/** A picture as the control carries it: RGB in base64. */
type Carried = { width: number; height: number; data: string };

/** @param teach the camera whose zones it begins with */
export const view =
  ({ profile }: Pick<Context, "profile">, teach?: string): View =>
  async (control, leaving) => {
    const [{ detectScreen }, { changeInstallation, loadInstallation }, { applyEdit }, first] =
      await Promise.all([
        import("../tui.tsx"),
        import("./installation.ts"),
        import("../core/edit.ts"),
        control.state(),
      ]);
    return detectScreen({
      control,
      profile,
      first,
      ...(teach === undefined ? {} : { teach }),
      picture: (camera, width) => pictureOf(control, profile, camera, width),
      installation: async () => (await loadInstallation(profile)).installation,
      change: async (edit) => {
        const { installation } = await changeInstallation(profile, (raw) => applyEdit(raw, edit));
        const { host } = await control.state();
        if (host !== false) await control.command("reload");
        return installation;
      },
      ...leaving,
    });
  };

/** From the host that has it, else from the camera itself. */
async function pictureOf(
  control: Control,
  profile: string,
  camera: string,
  width: number,
): Promise<Picture | undefined> {
  const { host, state } = (await control.state()) as DetectView;
  if (host === false || state === "paused") {
    const [{ loadInstallation }, { still }] = await Promise.all([
      import("./installation.ts"),
      import("./camera/still.ts"),
    ]);
    const { installation } = await loadInstallation(profile);
    const config = installation.cameras.find(({ name }) => name === camera);
    return config && scaled(await still(config, AbortSignal.timeout(STILL_MS)), width);
  }
  const { answer } = (await control.command("picture", { camera, width })) as { answer?: Partial<Carried> };
  if (answer?.data === undefined) return undefined;
  const { width: w = 0, height: h = 0, data } = answer;
  return { width: w, height: h, data: Uint8Array.from(Buffer.from(data, "base64")) };
}

const STILL_MS = 15_000;

/** `stint detect zones edit CAMERA` */
export async function editZones(context: Context, camera: string): Promise<number> {
  if (!context.output.terminal || context.output.json) {
    throw new Expected(
      Exit.usage,
      "zones are drawn on a terminal",
      "stint detect zones export and import take them from a file",
    );
  }
  return attach(context, reachOf(context), {
    view: view(context, camera),
    tell: () => {},
    isOver: () => false,
  });
}

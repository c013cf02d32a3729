import type { View } from "../../kernel/attach.ts";

/** The full screen of a profile's tracking. */
export const view =
  (profile: string): View =>
  async (control, leaving) => {
    const [{ trackScreen }, first, { thumbnailRows }, { reportView }] = await Promise.all([
      import("../tui.tsx"),
      control.state(),
      import("./screenshots/thumbnail.ts"),
      import("./report-view.ts"),
    ]);
    return trackScreen({
      control,
      profile,
      first,
      thumbnail: thumbnailRows,
      report: (which) => reportView(profile, which),
      ...leaving,
    });
  };

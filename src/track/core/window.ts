/** The window that the user looks at, as a backend tells it: from outside, so any text may stand in it. */
export type Window = {
  /** The program's name for itself: WM_CLASS, an app id; else the process's name. Lower case. */
  readonly app: string;
  readonly title: string;
  readonly pid: number | null;
  /** `comm` of `/proc`. */
  readonly process: string | null;
};

/** The same after the rules: without a title where that mustn't be kept. */
export type SeenWindow = Omit<Window, "title"> & { readonly title: string | null };

/** A program that runs, whether or not anybody looks at it. */
export type RunningApp = { readonly pid: number; readonly process: string };

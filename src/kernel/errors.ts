/** What a program that calls stint can tell apart: sysexits(3) where one fits. A signal adds its number to 128. */
export const Exit = {
  ok: 0,
  /** The question was answered, and the answer is no. */
  no: 1,
  usage: 2,
  /** Something outside stint isn't there: a display, a camera, a host that doesn't answer. */
  unavailable: 69,
  /** A bug in stint. */
  internal: 70,
  io: 74,
  /** The same call may go through later. */
  again: 75,
  config: 78,
} as const;

/**
 * A failure the user can do something about: printed as one line and a hint, without a stack.
 * Any other error that reaches the top is a bug and is shown with its trace.
 */
export class Expected extends Error {
  override readonly name = "Expected";
  readonly exit: number;
  readonly hint: string | undefined;

  /** @param exit one of {@link Exit} */
  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}

/** The `code` of a failed system call (`ENOENT`, `EPIPE`, …), undefined for anything else. */
export function errno(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** What went wrong in words, whatever was thrown. */
export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

import type { ModuleState } from "./states.ts";

/** A module: what its folder says of it, and what is told of it. */

export const RESTARTS = ["no", "on-failure", "always"] as const;

/** The signals that a module may be asked to end with. */
export const STOP_SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGKILL",
] as const;

/** How it is known that a module is ready. */
export type Ready =
  /** It says so: `{"event":"ready"}`. */
  | { by: "event" }
  /** A line of its output matches. */
  | { by: "pattern"; pattern: string }
  /** Somebody listens on this port of 127.0.0.1 (or ::1). */
  | { by: "tcp"; port: number }
  /** A GET is answered with 2xx or 3xx. */
  | { by: "http"; url: string }
  /** It has stayed up for so long, ms. */
  | { by: "time"; ms: number };

/** `modules/NAME/config.txt`, read. Times in ms. */
export type ModuleConfig = {
  /** The folder's name. */
  readonly name: string;
  /** Whether a fresh start runs it: the preference. */
  readonly enabled: boolean;
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  /** Absolute. The module's own folder unless it says otherwise. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stopSignal: (typeof STOP_SIGNALS)[number];
  readonly startDeadline: number;
  readonly stopDeadline: number;
  readonly restart: (typeof RESTARTS)[number];
  readonly dependsOn: readonly string[];
  readonly ready: Ready;
  /** Whether a module that crashed while it recorded records again, into a new segment, once it is back. */
  readonly resumeRecording: boolean;
  /** A module that says nothing of its status for so long is wedged, and killed; undefined: not watched. */
  readonly watchdog: number | undefined;
};

/** What a recording is called, the same for all that are begun together. */
export type Recording = {
  /** Where it is to be written: an absolute path. */
  readonly session: string;
  readonly trial: number;
  /** When it was begun, UTC ms. */
  readonly timestamp: number;
  /** 1, and one more each time a crash cut it. */
  readonly segment: number;
};

/** How a process ended; both null when nobody can know, since it wasn't our child. */
export type ExitStatus = { readonly code: number | null; readonly signal: string | null };

/** `exit 1`, `SIGSEGV`, `unknown` */
export const exitText = ({ code, signal }: ExitStatus): string =>
  signal ?? (code === null ? "unknown" : `exit ${code}`);

/** What is told of a module: a line of `status --json`, and an element of `modules` in the pushed state. Times UTC ms. */
export type ModuleRow = {
  readonly name: string;
  readonly desired: "on" | "off";
  readonly actual: ModuleState;
  /** Of the leader of its process group. */
  readonly pid: number | null;
  /** Since when it is in this state. */
  readonly since: number;
  /** Since when its process runs. */
  readonly started_at: number | null;
  /** How often it was started again by itself since a person started it. */
  readonly restarts: number;
  /** Whether it outlived the supervisor that started it. */
  readonly adopted: boolean;
  /** {@link exitText} of its last process; null before the first has ended. */
  readonly last_exit: string | null;
  /** Why it is in this state, or what it waits for; null when there is nothing to say. */
  readonly reason: string | null;
  /** Whether a fresh start runs it. */
  readonly enabled: boolean;
  readonly recording: Recording | null;
  /** The last `status` it gave, as it gave it, without `event`. */
  readonly status: Readonly<Record<string, unknown>> | null;
  /** Of its whole process group: percent of one CPU, and bytes; null while it isn't measured. */
  readonly cpu: number | null;
  readonly rss: number | null;
};

/**
 * Whether a name will do for a module: it is a folder's name, a word of a command and a part of paths, beside which
 * stint keeps files of its own.
 */
export const isModuleName = (name: string): boolean =>
  /^(?!events\.log|running_modules)[\p{L}\p{N}_][\p{L}\p{N}_.@+-]{0,63}$/u.test(name);

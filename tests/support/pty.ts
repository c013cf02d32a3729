/** Runs a program under a real pseudo-terminal and reads its screen: what a user would see. */
import xterm from "@xterm/headless";

export type Pty = AsyncDisposable & {
  /** What stands on the screen, rows joined by line feeds, without the space at their ends. */
  screen(): string;
  /** Everything the program has written, escape sequences included. */
  output(): string;
  /** "alternate" while a full-screen program owns the terminal. */
  buffer(): "normal" | "alternate";
  readonly cursorHidden: boolean;
  /** Whether lines are edited and echoed by the terminal, as a shell expects to find it; false in raw mode. */
  readonly cooked: boolean;
  /** Whether the terminal marks pasted text. */
  readonly marksPaste: boolean;
  /** Presses keys by their names in a keymap: `press("space", "ctrl+c")`. */
  press(...keys: string[]): void;
  /** Types or pastes text as it is, in one piece. */
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** The user closes the window: the program gets SIGHUP and its terminal is gone. */
  hangUp(): void;
  /** Waits until the screen has the text, or `seen` holds of it; the error of a time-out shows the screen. */
  until(seen: string | ((screen: string) => boolean), ms?: number): Promise<void>;
  /** Sends a signal and gives the exit code. */
  kill(signal: NodeJS.Signals): Promise<number>;
  /** The exit code, 128 + n for signal n, once all output is on the screen. */
  readonly exited: Promise<number>;
  readonly pid: number;
};

/** What a terminal sends for a key. */
const bytes: Readonly<Record<string, string>> = {
  space: " ",
  enter: "\r",
  esc: "\x1b",
  tab: "\t",
  backspace: "\x7f",
  up: "\x1b[A",
  down: "\x1b[B",
  right: "\x1b[C",
  left: "\x1b[D",
  pageup: "\x1b[5~",
  pagedown: "\x1b[6~",
};

const signals: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Local modes of Linux's termios(3). */
const ICANON = 0o2;
const ECHO = 0o10;

export type PtyOptions = { columns?: number; rows?: number; env?: Record<string, string>; cwd?: string };

export function pty(argv: string[], { columns = 80, rows = 24, env = {}, cwd }: PtyOptions = {}): Pty {
  const term = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  let cursorHidden = false;
  for (const [final, hidden] of [
    ["h", false],
    ["l", true],
  ] as const) {
    term.parser.registerCsiHandler({ prefix: "?", final }, (params) => {
      if (params.includes(25)) cursorHidden = hidden;
      return false;
    });
  }

  // Ink draws nothing while CI is set; the others decide on colours.
  const { CI: _ci, NO_COLOR: _no, FORCE_COLOR: _force, COLORTERM: _depth, ...inherited } = process.env;
  const decoder = new TextDecoder();
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  const drained = Promise.withResolvers<void>();
  let output = "";
  const child = Bun.spawn(argv, {
    env: { ...inherited, TERM: "xterm-256color", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    terminal: {
      cols: columns,
      rows,
      data: (_terminal, data) => {
        output += decoder.decode(data, { stream: true });
        // The bytes are only the caller's for this call.
        term.write(data.slice(), wake);
      },
      exit: () => drained.resolve(),
    },
  });
  const terminal = child.terminal;
  if (!terminal) throw new Error("no pseudo-terminal");
  // A terminal answers what it is asked.
  const replies = term.onData((data) => void (terminal.closed || terminal.write(data)));

  let code: number | undefined;
  const exited = (async () => {
    await child.exited;
    // A child of the program may keep the terminal open, so its end is not waited for without end.
    await Promise.race([drained.promise, Bun.sleep(1_000)]);
    await new Promise<void>((resolve) => term.write("", resolve));
    replies.dispose();
    code = child.exitCode ?? 128 + (signals[child.signalCode ?? ""] ?? 0);
    wake();
    return code;
  })();

  const screen = () => {
    const { active } = term.buffer;
    const row = (_: unknown, y: number) =>
      active.getLine(active.viewportY + y)?.translateToString(true) ?? "";
    return Array.from({ length: term.rows }, row).join("\n").trimEnd();
  };
  const type = (text: string) => void terminal.write(text);
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };

  return {
    screen,
    output: () => output,
    buffer: () => term.buffer.active.type,
    get cursorHidden() {
      return cursorHidden;
    },
    get cooked() {
      return (terminal.localFlags & (ICANON | ECHO)) === (ICANON | ECHO);
    },
    get marksPaste() {
      return term.modes.bracketedPasteMode;
    },
    press(...keys) {
      for (const key of keys) {
        const ctrl = /^ctrl\+([a-z])$/.exec(key)?.[1];
        type(ctrl ? String.fromCharCode(ctrl.charCodeAt(0) - 96) : (bytes[key] ?? key));
      }
    },
    type,
    resize(toColumns, toRows) {
      term.resize(toColumns, toRows);
      terminal.resize(toColumns, toRows);
    },
    hangUp: () => terminal.close(),
    until(seen, ms = 5_000) {
      const holds = typeof seen === "string" ? (text: string) => text.includes(seen) : seen;
      return new Promise((resolve, reject) => {
        const end = (error?: Error) => {
          waiting.delete(check);
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        };
        const fail = (why: string) => end(new Error(`${why}: ${seen}\nthe screen:\n${screen()}`));
        const check = () => {
          if (holds(screen())) end();
          else if (code !== undefined) fail(`the program ended with ${code} and this was not seen`);
        };
        const timer = setTimeout(() => fail(`not seen within ${ms} ms`), ms);
        waiting.add(check);
        check();
      });
    },
    kill,
    exited,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      if (code === undefined) await kill("SIGKILL");
      terminal.close();
      term.dispose();
    },
  };
}

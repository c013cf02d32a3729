/** Why the process is to end. */
export type Cause = { kind: "signal"; name: string; number: number } | { kind: "crash"; error: unknown };

/** What has something to put in order before the process ends. */
export type Owner = {
  /** Begin the ordered shutdown; whoever awaits the work sees it end. Called again for whatever comes meanwhile. */
  end(cause: Cause): void;
  /** A second signal: only what must never be left on, at once. */
  hurry(): Promise<void>;
};

/**
 * Between `main.ts`, which alone hears signals and crashes and alone exits, and whatever runs: one owner at a time, told
 * the first cause, then hurried.
 */
export class Life {
  readonly #exit: (code: number) => void;
  #owner: Owner | undefined;
  #cause: Cause | undefined;

  /** @param exit ends the process at once */
  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  /** The first thing that ended it, if anything did. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** Takes the ending of the process over until disposed. */
  own(owner: Owner): Disposable {
    this.#owner = owner;
    if (this.#cause) owner.end(this.#cause);
    return {
      [Symbol.dispose]: () => {
        if (this.#owner === owner) this.#owner = undefined;
      },
    };
  }

  /** A signal came. With nothing to put in order, or while that is being done, the process ends here. */
  signal(name: string, number: number): void {
    // A closed terminal is told twice, by the kernel and by the shell: nobody is impatient.
    const again = this.#cause !== undefined && name !== "SIGHUP";
    const cause: Cause = { kind: "signal", name, number };
    this.#cause ??= cause;
    const leave = () => this.#exit(128 + number);
    if (!this.#owner) leave();
    else if (again) void this.#owner.hurry().then(leave, leave);
    else this.#owner.end(cause);
  }

  /** Something threw that nobody caught. @returns false when there is nothing to put in order first */
  crash(error: unknown): boolean {
    const cause: Cause = { kind: "crash", error };
    this.#cause ??= cause;
    this.#owner?.end(cause);
    return this.#owner !== undefined;
  }
}

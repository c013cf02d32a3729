/** What became of a wish. */
export type Fate = { readonly ok: boolean; readonly text: string | null };

type Waiting = {
  readonly on: boolean;
  /** What was there before: that it is there isn't what is waited for. */
  readonly not: object | undefined;
  readonly settle: (fate: Fate) => void;
};

/** Those who wished for a module to be on or off, and wait for what becomes of that: each learns it once. */
export class Wishes {
  #waiting: readonly Waiting[] = [];

  /** Whether anybody waits for this; for anything, if it isn't said. */
  any(on?: boolean): boolean {
    return this.#waiting.some((waiting) => on === undefined || waiting.on === on);
  }

  /** @param not a run that is there already: it has to be another */
  wait(on: boolean, not?: object): Promise<Fate> {
    return new Promise((settle) => {
      this.#waiting = [...this.#waiting, { on, not, settle }];
    });
  }

  /** Settles the wishes of one kind. @param now the run that is there, which those who wait for another wait on with */
  settle(on: boolean, fate: Fate, now?: object): void {
    const [settled, left] = [true, false].map((is) =>
      this.#waiting.filter(
        (waiting) => (waiting.on === on && (now === undefined || waiting.not !== now)) === is,
      ),
    ) as [Waiting[], Waiting[]];
    this.#waiting = left;
    for (const { settle } of settled) settle(fate);
  }
}

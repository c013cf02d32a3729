import type { Control } from "../../kernel/control.ts";
import { message } from "../../kernel/errors.ts";
import type { Inspected } from "../core/run-state.ts";
import { isStill, type View } from "./words.ts";

/** What stands behind a run while it is paused: asked of its host once for each bar that it stands at. */
export class Inspection {
  readonly #control: Control;
  readonly #view: () => View;
  readonly #came: () => void;
  #asking = false;
  /** The bar that was asked about last. */
  #bar: number | undefined;
  /** Undefined while it isn't known, or isn't true any more. */
  symbols: readonly Inspected[] | undefined;
  /** Why it can't be had. */
  problem: string | undefined;

  /** @param view as it was heard of last @param came called when there is news */
  constructor(control: Control, view: () => View, came: () => void) {
    this.#control = control;
    this.#view = view;
    this.#came = came;
  }

  /** To be called at each change of the state. */
  look(): void {
    const view = this.#view();
    if (!isStill(view)) {
      this.symbols = undefined;
      this.problem = undefined;
      this.#bar = undefined;
    } else if (view.bar !== this.#bar && !this.#asking) {
      void this.#ask(view.bar);
    }
  }

  async #ask(bar: number | undefined): Promise<void> {
    this.#asking = true;
    this.#bar = bar;
    try {
      const { answer } = (await this.#control.command("inspect")) as {
        answer?: { symbols: readonly Inspected[] };
      };
      this.symbols = answer?.symbols;
      this.problem = undefined;
    } catch (error) {
      this.symbols = undefined;
      this.problem = message(error);
    }
    this.#asking = false;
    this.#came();
    // It may have gone on meanwhile.
    this.look();
  }
}

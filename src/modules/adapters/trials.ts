import type { Clock } from "../../kernel/clock.ts";
import type { Schema, Store } from "../../kernel/store.ts";

/** The last trial of each folder that was recorded into. */
export const schema: Schema = {
  owner: "modules",
  migrations: [
    `CREATE TABLE modules_trial (
       profile TEXT NOT NULL, session TEXT NOT NULL, trial INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
       PRIMARY KEY (profile, session)
     ) STRICT;
     CREATE INDEX modules_trial_by_time ON modules_trial (profile, recorded_at);`,
  ],
};

/** The numbers of trials: one goes on where the last ended, whatever became of the supervisor in between. */
export class Trials {
  readonly #store: Store;
  readonly #profile: string;
  readonly #clock: Clock;
  #newest: number;

  constructor(store: Store, profile: string, clock: Clock) {
    this.#store = store;
    this.#profile = profile;
    this.#clock = clock;
    const row = store.db
      .prepare("SELECT trial FROM modules_trial WHERE profile = ? ORDER BY recorded_at DESC LIMIT 1")
      .get(profile);
    this.#newest = Number(row?.["trial"] ?? 0);
  }

  /** The last trial, of whichever folder; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** The last trial of a folder; 0 before the first. */
  lastIn(session: string): number {
    const row = this.#store.db
      .prepare("SELECT trial FROM modules_trial WHERE profile = ? AND session = ?")
      .get(this.#profile, session);
    return Number(row?.["trial"] ?? 0);
  }

  /** A trial is recorded. */
  async took(session: string, trial: number): Promise<void> {
    this.#newest = trial;
    await this.#store.write((db) =>
      db
        .prepare(
          `INSERT INTO modules_trial (profile, session, trial, recorded_at) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET trial = max(trial, excluded.trial), recorded_at = excluded.recorded_at`,
        )
        .run(this.#profile, session, trial, this.#clock.wall()),
    );
  }
}

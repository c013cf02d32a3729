import { listSessions } from "../../../kernel/checkpoint.ts";
import { readStore } from "../../../kernel/store.ts";
import type { Catalogue } from "../../core/results/catalogue.ts";
import { Curve } from "../../core/results/curve.ts";
import { findRun, readEquity, schema, strategyName, symbolNames } from "./journal.ts";

/** Points of a curve that is laid over another. */
const POINTS = 480;

/** The finished runs of a profile, as the store has them. */
export const catalogue = (profile: string): Catalogue => ({
  async list() {
    const entries = await readStore([schema], (db) =>
      listSessions(db, { kind: "backtest", profile }).flatMap((row) => {
        const found = findRun(db, row.id);
        if (!found?.result) return [];
        const { run, result } = found;
        const { return_pct, max_drawdown_pct, sharpe, trades } = result.stats;
        return [
          {
            id: row.id,
            started_at: row.started_at,
            utc_offset_min: row.utc_offset_min,
            strategy: strategyName(run),
            params: run.params,
            symbol: symbolNames(run),
            return_pct,
            max_drawdown_pct,
            sharpe,
            trades,
          },
        ];
      }),
    );
    return entries ?? [];
  },
  async equity(id) {
    const equity = await readStore([schema], (db) => {
      const steps = findRun(db, id)?.result?.steps ?? 0;
      const values = new Float64Array(steps);
      return values.subarray(0, readEquity(db, id, values, steps));
    });
    const curve = new Curve(equity?.length ?? 0, POINTS);
    if (equity) curve.extend(equity, equity.length);
    return curve.equity;
  },
});

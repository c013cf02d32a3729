import { expect, test } from "bun:test";
import * as remote from "../../../../src/backtest/adapters/remote.ts";
import { report } from "../../../../src/backtest/adapters/report/report.ts";
import { schema } from "../../../../src/backtest/adapters/runs/journal.ts";
import * as runs from "../../../../src/backtest/adapters/runs/runs.ts";
import { claimSession, recordState } from "../../../../src/kernel/checkpoint.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import { openStore } from "../../../../src/kernel/store.ts";
import { readReference, referenceEquity, referenceTrades } from "../../core/reference.ts";
import { Hosting } from "../../hosting.ts";

/** What the first version that was released has written of the run sma_15_40_flip, and of one that was stopped. */
const HASH = "81e977905a006cc8fbc034ebdb83c999a8ed6ba00191dc7ea5ef5b386fb74a82";
const settings = { cash: 10000, spread: 0, tradeOnClose: false, exclusiveOrders: false, finalize: true };
const finished = {
  strategy: { source: { builtin: "sma-cross" }, files: {} },
  engine: 1,
  params: { fast: 15, slow: 40 },
  data: { path: null, hash: HASH, symbol: "EURUSD" },
  from: null,
  to: null,
  settings: { ...settings, commission: { fixed: 0, rate: 1e-4 } },
};
const stopped = {
  ...finished,
  strategy: { source: { file: "/home/ada/mine.ts" }, files: { "/home/ada/mine.ts": HASH } },
  params: {},
  data: { path: "/home/ada/EURUSD.csv", hash: HASH, symbol: "EURUSD" },
  from: Date.UTC(2017, 5, 1),
};
const result = {
  stats: {
    trades: 133,
    equity_final: 9180.06396962001,
    return_pct: -8.199360303799894,
    sharpe: -1.389308175106,
  },
  hash: "e327f820f883d4336aef6547e8bd2b56250fcd447f022c9d82f08b83a6beff62",
  bust: false,
  bars: 5000,
  dropped_orders: 0,
};

test("runs of the first version's store are listed, shown and reported, and say that they can't be worked again", async () => {
  await using host = new Hosting();
  const [first = ""] = schema.migrations;
  {
    const old = { owner: "backtest", migrations: [first] };
    await using store = await openStore({ schemas: [old], clock: systemClock, warn: () => {} });
    await store.write((db) => {
      for (const [id, run, came] of [
        ["a-finished", finished, JSON.stringify(result)],
        ["b-stopped", stopped, null],
      ] as const) {
        claimSession(db, { id, kind: "backtest", profile: "default" }, systemClock);
        recordState(db, id, "stopped", systemClock);
        db.prepare("INSERT INTO backtest_run VALUES (?, 'default', ?, ?, NULL)").run(
          id,
          JSON.stringify(run),
          came,
        );
      }
      const insert = db.prepare(
        "INSERT INTO backtest_trade VALUES ('a-finished', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      );
      const reference = readReference("sma_15_40_flip");
      for (const [n, trade] of referenceTrades(reference).entries()) {
        const { size, entryBar, exitBar, entryPrice, exitPrice, pnl, commission, returnFraction } = trade;
        insert.run(n, size, entryBar, exitBar, entryPrice, exitPrice, pnl, commission, returnFraction);
      }
      const equity = new Uint8Array(referenceEquity(reference).slice().buffer);
      db.prepare("INSERT INTO backtest_equity VALUES ('a-finished', 0, ?)").run(equity);
    });
  }
  // What begins a session brings the store up to date.
  await host.run({ to: Date.UTC(2017, 4, 1) });
  const listed: unknown[] = [];
  await host.do((context) =>
    runs.list(
      {
        ...context,
        output: Object.assign(Object.create(context.output) as typeof context.output, {
          emit: ({ id, strategy, finished, trades }: Record<string, unknown>) =>
            listed.push([id, strategy, finished, trades]),
        }),
      },
      true,
    ),
  );
  expect(listed).toContainEqual(["a-finished", "sma-cross", true, 133]);
  expect(listed).toContainEqual(["b-stopped", "mine", false, null]);
  expect(await host.do((context) => remote.status(context, "a-finished"))).toMatchObject({
    symbol: "EURUSD",
    result: { ...result, steps: 5000, stats: result.stats },
    system_manager: { _state: "stopped", _mode: "backtest", timezone: "UTC" },
  });
  expect(await host.do((context) => runs.show(context, "b-stopped", false))).toMatchObject({
    run: {
      mode: "backtest",
      from: Date.UTC(2017, 5, 1),
      symbols: [
        {
          instrument: { symbol: "EURUSD", lot: 1 },
          source: { from: { file: "/home/ada/EURUSD.csv" } },
          hash: HASH,
        },
      ],
      settings: {
        leverage: 1,
        commission: { fixed: 0, rate: 1e-4, perUnit: 0 },
        hedging: false,
        finalize: true,
      },
    },
  });
  const told = await host.do((context) => report(context, "a-finished", { md: `${host.home.path}/old.md` }));
  expect(told).toMatchObject({ type: "report" });
  const text = await Bun.file(`${host.home.path}/old.md`).text();
  expect(text).toContain("9180.06");
  host.resumeStored({}, "b-stopped");
  const { code, err } = await host.ended();
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringContaining("was begun by another version of the engine") as unknown as string,
  });
});

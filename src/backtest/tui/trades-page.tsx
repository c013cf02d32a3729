import { useBody } from "../../kernel/tui/screen.tsx";
import { cut } from "../../kernel/tui/text.ts";
import { whole } from "../core/results/figures.ts";
import type { ShownTrade } from "../core/run-state.ts";
import { firstShown, heading, Line } from "./list.tsx";
import { columnsOf, headText, rowText, type TradeOrder } from "./trades.ts";
import { priceDigits, tradeTone, type View } from "./words.ts";

/** The heading and the titles. */
const HEAD = 2;
/** How many trades a body of that height has room for. */
export const tradeRows = (height: number): number => height - HEAD;

/** The trades that were closed, the newest of them where there are very many. */
export function TradesPage(props: {
  view: View;
  /** In the order that they are looked at. */
  trades: readonly ShownTrade[];
  order: TradeOrder;
  /** The place of the selected one. */
  selected: number;
}) {
  const { view, trades, order, selected } = props;
  const { width, height } = useBody();
  const { trades: all = 0, symbols = [], candles = [] } = view;
  if (trades.length === 0)
    return <Line text="no trades yet: one is listed once it is closed" tone="secondary" />;
  const rows = tradeRows(height);
  const columns = columnsOf(width, symbols.length > 1);
  const first = firstShown(selected, trades.length, rows);
  const kept = trades.length < all ? ` · the ${whole(trades.length)} closed last of ${whole(all)}` : "";
  return (
    <>
      <Line
        text={heading(`trades · ${order} first${kept}`, `${selected + 1} of ${whole(trades.length)}`, width)}
        tone="secondary"
      />
      <Line text={cut(headText(columns), width)} tone="secondary" />
      {trades.slice(first, first + rows).map((trade, at) => {
        const digits = priceDigits(candles.find(({ symbol }) => symbol === trade.symbol));
        const isSelected = first + at === selected;
        return (
          <Line
            // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen, whatever stands in it
            key={at}
            text={cut(rowText(trade, columns, digits, isSelected), width)}
            tone={isSelected ? "selected" : tradeTone(trade)}
          />
        );
      })}
    </>
  );
}

import type { Commission, Slippage } from "./account.ts";

/**
 * What `size` units (never negative) at a price cost.
 * @param conversion what one unit of the price's currency is worth in the account's
 */
export function commissionOf(
  { fixed, perUnit, rate }: Commission,
  size: number,
  price: number,
  conversion: number,
): number {
  return fixed + size * perUnit + size * price * rate * conversion;
}

/**
 * The price that an order gets that slips.
 * @param direction 1 to buy, -1 to sell
 * @param share the part of the bar's volume that it takes, 0 … 1
 */
export function slip(model: Slippage, direction: 1 | -1, price: number, share: number): number {
  const by = slipOf(model, price, share);
  return by === 0 ? price : Math.max(0, price + direction * by);
}

function slipOf(model: Slippage, price: number, share: number): number {
  switch (model.kind) {
    case "none":
      return 0;
    case "fixed":
      return model.amount;
    case "rate":
      return price * model.rate;
    case "volume_share":
      return price * model.impact * share * share;
  }
}

/** What a subscription has counted. */
export type SubscriptionCounts = {
  readonly name: string;
  readonly mode: SubscriptionMode;
  /** Bars published to it. */
  readonly signals: number;
  /** How often the publisher waited for the follower, and for how long in ms; null where it isn't measured. */
  readonly waits: number;
  readonly wait_ms: number | null;
  /** How often the follower was done and ready for the next. */
  readonly resets: number;
  /** Bars published while the one before was still being worked on. */
  readonly overruns: number;
};

/** Whether the publisher waits for the follower, or follows the clock or a feed. */
export type SubscriptionMode = "data-driven" | "clock-driven" | "live";

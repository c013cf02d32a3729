/** Until the configuration is wired. */
export async function defaults() {
  return { cash: 10_000, commission_fixed: 0, commission_rate: 0, spread: 0, checkpoint_seconds: 3 };
}

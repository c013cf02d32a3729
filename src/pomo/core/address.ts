/** Where the page listens. Loopback alone: whoever reaches it and has the token commands the timer. */
export type Address = { readonly host: "127.0.0.1" | "::1"; readonly port: number };

/** What an address may be, in words. */
export const ADDRESS_RULE = "127.0.0.1:PORT, localhost:PORT or [::1]:PORT";

/**
 * `127.0.0.1:7625`, `localhost:7625`, `[::1]:7625`; port 0 is any free one.
 * @returns undefined for what is no loopback address with a port
 */
export function parseAddress(text: string): Address | undefined {
  const [, host, digits] = /^(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/i.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  // localhost is a name: what it stands for isn't left to a resolver.
  return { host: host === "[::1]" ? "::1" : "127.0.0.1", port };
}

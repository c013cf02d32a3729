/** Addresses of cameras, as an installation says them. They may hold a password, which nobody is shown. Pure. */

/** Where pictures come from. */
export type Source =
  | { readonly kind: "rtsp" | "http"; readonly url: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "device"; readonly path: string };

/** @returns undefined for what is no camera's address */
export function sourceOf(url: string): Source | undefined {
  if (/\p{Cc}/u.test(url)) return undefined;
  if (url.startsWith("/")) return { kind: "file", path: url };
  const [, scheme = "", rest = ""] = /^([a-z0-9]+):\/\/(.+)$/i.exec(url) ?? [];
  switch (scheme.toLowerCase()) {
    case "rtsp":
    case "rtsps":
      return { kind: "rtsp", url };
    case "http":
    case "https":
      return { kind: "http", url };
    case "file":
      return rest.startsWith("/") ? { kind: "file", path: decoded(rest) } : undefined;
    case "v4l2":
      return rest.startsWith("/") ? { kind: "device", path: rest } : undefined;
    default:
      return undefined;
  }
}

/** Who logs in: all up to the last @, since a password may have one that nobody has encoded. */
const LOGIN = /(\w[\w+.-]*:\/\/)([^@\s:/]*)(:?)(\S*)@/g;
/** What is secret in a query or, with some makes, in a path: `password=x`, `auth-token=x`. */
const SECRET = /([\w-]*(?:pass(?:word|wd|phrase)?|pwd|token|secret|key|auth|signature|sig)=)([^&\s'";]+)/gi;

/** An address, or a text with addresses in it, without its passwords and tokens: `rtsp://me:***@10.0.0.7/1`. */
export const shownUrl = (text: string): string =>
  text
    .replace(LOGIN, (_, scheme: string, user: string, colon: string) => `${scheme}${user}${colon && ":***"}@`)
    .replace(SECRET, "$1***");

/** Shorter ones are found by where they stand alone: put out everywhere, they would take half the text with them. */
const SHORTEST_ALONE = 4;

/** What somebody says of a camera, without its address's passwords and tokens, wherever they turn up in it. */
export function withoutSecrets(text: string, url: string): string {
  const passwords = [...url.matchAll(LOGIN)].map(([, , , , password = ""]) => password);
  const tokens = [...url.matchAll(SECRET)].map(([, , token = ""]) => token);
  const secrets = [...passwords, ...tokens]
    .flatMap((secret) => [secret, decoded(secret)])
    .filter(({ length }) => length >= SHORTEST_ALONE)
    .sort((a, b) => b.length - a.length);
  return shownUrl(secrets.reduce((left, secret) => left.replaceAll(secret, "***"), text));
}

/** `host:port` of an address, for what is said of who listens there. */
export const hostOf = (url: string): string => /^\w+:\/\/(?:[^\s]*@)?([^/?#\s]*)/.exec(url)?.[1] || "it";

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

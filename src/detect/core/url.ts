import { didYouMean } from "../../kernel/core/nearest.ts";

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
      return { kind: "rtsp", url: `${scheme.toLowerCase()}://${rest}` };
    case "http":
    case "https":
      return { kind: "http", url: `${scheme.toLowerCase()}://${rest}` };
    case "file":
      return rest.startsWith("/") ? { kind: "file", path: decoded(rest) } : undefined;
    case "v4l2":
      return rest.startsWith("/") ? { kind: "device", path: rest } : undefined;
    default:
      return undefined;
  }
}

const SCHEMES = ["rtsp", "rtsps", "http", "https", "file", "v4l2"];

/** What is wrong with a camera's address; it may hold a password, and isn't repeated. */
export function addressProblem(address: string): { text: string; hint?: string } | undefined {
  if (/\p{Cc}/u.test(address)) return { text: "there is a control character in it" };
  if (address.startsWith("/")) return undefined;
  const host = schemeless(address);
  if (host !== undefined) return { text: "it lacks a scheme", hint: `rtsp://${host}/… ?` };
  const [, scheme = ""] = /^([a-z0-9+.-]+):\/\//i.exec(address) ?? [];
  if (!SCHEMES.includes(scheme.toLowerCase())) {
    const hint = didYouMean(scheme, SCHEMES) ?? `${SCHEMES.join("://, ")}://, or the path of a file, from /`;
    return { text: scheme === "" ? "isn't an address" : `there are no cameras at ${scheme}://`, hint };
  }
  if (["file", "v4l2"].includes(scheme.toLowerCase())) {
    return /^\w+:\/\/\/./.test(address) ? undefined : { text: `no path follows ${scheme}://, from /` };
  }
  if (/\s/.test(address)) return { text: "there is a blank in it", hint: "a blank is written %20" };
  if (URL.canParse(address) && new URL(address).hostname !== "") return undefined;
  if (Number(/:(\d+)$/.exec(hostOf(address))?.[1] ?? 0) > 65_535) return { text: "its port is above 65535" };
  return {
    text: "isn't an address",
    hint: "a password's #, /, ?, @, : and % are written %23, %2F, %3F, %40, %3A, %25",
  };
}

/** @returns `host:port` of what can only be an address without its scheme: `10.0.0.7`, `me:secret@gate.lan/1`, `gate:554` */
export function schemeless(text: string): string | undefined {
  if (text.includes("://") || text.startsWith("/")) return undefined;
  const [, login, host = "", port = ""] =
    /^(.*@)?(\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?(?:[/?].*)?$/is.exec(text) ?? [];
  const isHost = /^\[|^\d{1,3}(\.\d{1,3}){3}$|^localhost$|\.(local|lan|home|internal)$/i.test(host);
  return host !== "" && (isHost || login !== undefined || port !== "") ? `${host}${port}` : undefined;
}

/** Who logs in: all up to the last @, since a password may have one that nobody has encoded, and blanks. */
const LOGIN = /(\w[\w+.-]*:\/\/)(.*)@/gs;
/** Of a text with several addresses in it all up to the last @ is a login: no password is shown for the sake of a host. */
const secretLogin = (login: string): boolean => /:|^\S*$/.test(login);
/**
 * What is secret in a query or, with some makes, in a path: `password=x`, `auth-token=x`, `usr=admin&psw=x`. Short words
 * must end the name, or be all of it: `codec=` and `spin=1` aren't secret.
 */
const SECRET =
  /(?<![\w-])((?:[\w-]*(?:(?:pass|psw|pwd|token|secret|auth|cred|signature|session)[\w-]*|key|pas|sig|otp|jwt)|(?:[\w-]*[_-])?(?:pin|pw|sid|code|hash|p))=)([^&\s'";]+)/gi;

/** An address, or a text with addresses in it, without its passwords and tokens: `rtsp://me:***@10.0.0.7/1`. */
export const shownUrl = (text: string): string =>
  text
    .replace(LOGIN, (all: string, scheme: string, login: string) => {
      if (!secretLogin(login)) return all;
      const user = /^[^@\s:/]*/.exec(login)?.[0] ?? "";
      return `${scheme}${user}${user === login ? "" : ":***"}@`;
    })
    .replace(SECRET, "$1***");

/** Shorter ones are found by where they stand alone: put out everywhere, they would take half the text with them. */
const SHORTEST_ALONE = 4;

/** What somebody says of a camera, without its address's passwords and tokens, wherever they turn up in it. */
export function withoutSecrets(text: string, url: string): string {
  const passwords = [...url.matchAll(LOGIN)].flatMap(([, , login = ""]) => /:(.*)/s.exec(login)?.[1] ?? []);
  const tokens = [...url.matchAll(SECRET)].map(([, , token = ""]) => token);
  const secrets = [...passwords, ...tokens]
    .flatMap((secret) => [secret, decoded(secret)])
    .filter(({ length }) => length >= SHORTEST_ALONE)
    .sort((a, b) => b.length - a.length);
  return shownUrl(secrets.reduce((left, secret) => left.replaceAll(secret, "***"), text));
}

/** `host:port` of an address, for what is said of who listens there. */
export const hostOf = (url: string): string => /^\w+:\/\/(?:.*@)?([^/?#\s]*)/s.exec(url)?.[1] || "it";

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

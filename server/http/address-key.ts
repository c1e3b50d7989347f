import { isIPv6 } from "node:net";

/** Groups of an IPv6 address that one household or machine has to itself: its /64. */
const networkGroups = 4;

/**
 * What an address is counted by: an IPv4 address as it is, an IPv6 address by its /64, because whoever
 * has one address of it has all 2⁶⁴.
 */
export function addressKey(address: string): string {
  const [plain = ""] = address.split("%", 1);
  if (!isIPv6(plain)) return plain;
  const groups = expand(plain);
  const mapped = asIpv4(groups);
  return mapped ?? `${groups.slice(0, networkGroups).join(":")}::/64`;
}

/** The eight groups of an address, each in lower case without leading zeros. */
function expand(address: string): string[] {
  // URL writes an address in one form: lower case, hexadecimal, the longest zeros as "::".
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = "", after] = canonical.split("::", 2);
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail];
}

/** The IPv4 address inside `::ffff:…`, as a server that listens on both kinds sees it. */
function asIpv4(groups: readonly string[]): string | undefined {
  if (groups.slice(0, 6).join(":") !== "0:0:0:0:0:ffff") return undefined;
  const numbers = groups.slice(6).map((group) => Number.parseInt(group, 16));
  return numbers.flatMap((number) => [number >> 8, number & 0xff]).join(".");
}

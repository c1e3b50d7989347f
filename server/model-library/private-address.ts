import { BlockList, isIP } from "node:net";

/** Addresses that mean this machine, its network or nothing at all (RFC 6890 and its registry). */
const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  privateAddresses.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::", 96],
  // These carry an IPv4 address inside, through a translator or a tunnel: it may be any.
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const)
  privateAddresses.addSubnet(network, prefix, "ipv6");

/** Whether an IP address is not one of the public internet. What is no address counts as private. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  switch (isIP(plain)) {
    case 4:
      return privateAddresses.check(plain, "ipv4");
    case 6:
      return privateAddresses.check(plain, "ipv6");
    default:
      return true;
  }
}

/** Numbers of `statfs` on Linux for file systems that reach another machine: locks and shared memory do not hold there. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x5346414f, "AFS"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
]);

/** The name of a network file system, or undefined for a local or unknown one. */
export function networkFileSystem(type: number | bigint): string | undefined {
  return NETWORK.get(Number(BigInt.asUintN(32, BigInt(type))));
}

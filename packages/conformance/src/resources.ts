/** What keeps this process alive, by kind; short-lived requests are left out. */
export function resources(): ReadonlyMap<string, number> {
  // Made when first used, which may be between two looks.
  void process.stdout;
  void process.stderr;
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (/ReqWrap|Request|Immediate|CloseReq/.test(kind)) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Kinds of which there are more than `before`, with how many more. */
export function grownSince(before: ReadonlyMap<string, number>): readonly (readonly [kind: string, more: number])[] {
  return [...resources()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [[kind, more] as const] : [];
  });
}

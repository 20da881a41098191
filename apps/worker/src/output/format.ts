/** Numbers as people read them. */

export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 1_000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)}ms`;
  const units: readonly [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1_000, "s"],
  ];
  const index = units.findIndex(([size]) => ms >= size);
  const [size, unit] = units[index] ?? [1_000, "s"];
  const whole = Math.floor(ms / size);
  const next = units[index + 1];
  if (next === undefined) return `${Math.round(ms / 100) / 10}s`;
  const rest = Math.floor((ms - whole * size) / next[0]);
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${next[1]}`;
}

export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return "–";
  if (bytes < 1_024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = -1;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${units[unit]}`;
}

/** A part that cannot be known is a dash, not 0. */
export function formatCount(count: number | undefined): string {
  return count === undefined ? "–" : count.toLocaleString("en-US");
}

export function formatTime(at: number | undefined): string {
  return at === undefined ? "–" : new Date(at).toISOString();
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** What a person sees of a value: strings bare, everything else as JSON, cut to `most` characters. */
export function formatValue(value: unknown, most = 200): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

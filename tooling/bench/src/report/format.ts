/** Figures for people. */

/** `12,345` */
export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : "–";
}

/** With so many digits after the point. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

/** ms as `1.23 s`. */
export function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(2)} s` : "–";
}

/** Bytes as `12.3 MiB`, without the fraction from 100 MiB. */
export function mebibytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "–";
  const value = bytes / 2 ** 20;
  return `${value < 100 ? value.toFixed(1) : whole(value)} MiB`;
}

/** How figures came from runs. */
export function runsWords(runs: number): string {
  return runs === 1 ? "One run." : `Medians of ${runs} runs, interleaved.`;
}

/** The function that piscina and tinypool are given: `fibonacci(n)`, and nothing for 0. */

export default function work({ n }: { readonly n: number }): number {
  return n === 0 ? 0 : fibonacci(n);
}

function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

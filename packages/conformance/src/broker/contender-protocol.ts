/** What a contender (a child process of a scenario) is asked to do, and what it says. */
export interface ContenderJob {
  readonly module: string;
  readonly args: readonly string[];
  /**
   * `drain`: consume and ack until told to stop. `hold`: consume and settle nothing until killed. `publish`: publish batch after batch
   * until killed. `leave`: publish, consume a little, close, end by itself.
   */
  readonly role: "drain" | "hold" | "publish" | "leave";
  readonly queue: string;
  readonly credit: number;
}

export type ContenderWord =
  | { readonly type: "ready" }
  | { readonly type: "delivered"; readonly ids: readonly string[] }
  | { readonly type: "acked"; readonly ids: readonly string[] }
  | { readonly type: "accepted"; readonly ids: readonly string[] }
  | { readonly type: "closed" };

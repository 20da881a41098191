/** How a feed asks for messages: long polls on the one consumer, or rounds over several. */
export interface Source {
  /** What may still arrive. */
  readonly outstanding: number;
  ask(count: number): void;
  /** Nothing more is wanted. Resolves when nothing can arrive. */
  callOff(): Promise<void>;
  /** The connection is gone, and what was asked on it. */
  forget(): void;
}

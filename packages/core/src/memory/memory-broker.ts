import { type BrokerRuntime, type ConsumptionTerms, createBroker, type HeldConsumption } from "../brokers/index.ts";
import type {
  Broker,
  BrokerCapabilities,
  ControlChannel,
  OutgoingMessage,
  PublishOutcome,
} from "../contracts/index.ts";
import type { Entry } from "./entry.ts";
import { MemoryAdmin } from "./memory-admin.ts";
import { MemoryFeed } from "./memory-consumption.ts";
import { MemoryControl } from "./memory-control.ts";
import type { MemoryBrokerOptions } from "./memory-options.ts";
import { MemoryServer } from "./memory-server.ts";
import { MemorySettlements } from "./memory-settlements.ts";

/**
 * One connection to a {@link MemoryServer}. The server does each thing within the call, so what is asked in one tick needs no command to be
 * sent; promises are there for the contract's sake.
 */
class MemoryRuntime implements BrokerRuntime<Entry> {
  readonly name = "memory";
  readonly address: string;
  readonly control: ControlChannel;
  readonly admin: MemoryAdmin;
  readonly requests: MemorySettlements;
  readonly #server: MemoryServer;
  #isOpen = false;

  constructor(server: MemoryServer) {
    this.#server = server;
    this.address = `memory:${server.name}`;
    this.control = new MemoryControl(server.control, server.clock);
    this.admin = new MemoryAdmin(server);
    this.requests = new MemorySettlements(server);
  }

  open(): BrokerCapabilities {
    this.#isOpen = true;
    this.#server.connected();
    return this.#server.capabilities;
  }

  publish(messages: readonly OutgoingMessage[]): readonly PublishOutcome[] {
    return messages.map((message) => this.#server.publish(message));
  }

  consume(terms: ConsumptionTerms<Entry>): HeldConsumption<Entry> {
    return new MemoryFeed(terms, this.#server.queue(terms.queue)).consumption;
  }

  close(): void {
    if (this.#isOpen) this.#server.disconnected();
  }
}

/**
 * The reference broker, in this process's memory: every promise of the contract at its strictest, except that nothing outlives the
 * process. For tests, for tasks that may be lost with the process, and to be read. Without `server` it has one of its own.
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker & { readonly control: ControlChannel } {
  const server = options.server ?? new MemoryServer(options);
  return createBroker(() => new MemoryRuntime(server)) as Broker & { readonly control: ControlChannel };
}

import {
  atMost,
  type BrokerHost,
  type BrokerRuntime,
  type ConsumptionTerms,
  createBroker,
  type HeldConsumption,
  type RequestSink,
} from "@lovage/core/brokers";
import {
  type Broker,
  type BrokerCapabilities,
  ConfigurationError,
  type ControlChannel,
  type Diagnosis,
  type OutgoingMessage,
  type PublishOutcome,
  QueueNotFoundError,
} from "@lovage/core/contracts";
import { Done } from "./aftermath/nats-done.ts";
import { Ghosts } from "./aftermath/nats-ghosts.ts";
import { openLink } from "./connection/nats-connect.ts";
import type { NatsLink } from "./connection/nats-link.ts";
import { NatsFeed } from "./consuming/nats-consumption.ts";
import { DeadPulls } from "./consuming/nats-dead-pulls.ts";
import { type NatsClaim, Settlements } from "./consuming/nats-settlements.ts";
import { NatsControl, PRESENCE_MS } from "./control/nats-control.ts";
import { ELECTION_TTL_MS } from "./delay/nats-election.ts";
import { Mover } from "./delay/nats-mover.ts";
import { natsCapabilities } from "./nats-capabilities.ts";
import { diagnose } from "./nats-diagnosis.ts";
import { errorOf } from "./nats-errors.ts";
import { type NatsBrokerOptions, type Settings, settingsOf } from "./nats-options.ts";
import {
  atLeastVersion,
  type Features,
  featuresOf,
  OLDEST,
  OLDEST_ADVISED,
  parseVersion,
  type Version,
} from "./nats-versions.ts";
import { Publisher } from "./publishing/nats-publisher.ts";
import { NatsAdmin } from "./queues/nats-admin.ts";
import { Bucket } from "./queues/nats-bucket.ts";
import { Layout } from "./queues/nats-layout.ts";
import { Queues } from "./queues/nats-queues.ts";
import { Revocations } from "./queues/nats-revocations.ts";
import { Streams } from "./queues/nats-streams.ts";

/** Twice this is less than closing may take when the server is gone. */
const LAST_WORDS_MS = 1_000;

/** Everything that works on one open connection. */
interface Parts {
  readonly link: NatsLink;
  readonly version: Version;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly settlements: Settlements;
  readonly revocations: Revocations;
  readonly mover: Mover;
  readonly presence: Bucket;
  readonly features: Features;
  readonly deadPulls: DeadPulls;
  readonly done: Done;
  readonly admin: NatsAdmin;
}

/** One worker's or producer's way to the server. */
class NatsRuntime implements BrokerRuntime<NatsClaim> {
  readonly name = "nats";
  readonly address: string;
  readonly control: ControlChannel;
  readonly operationTimeoutMs: number;
  readonly requests: RequestSink<NatsClaim>;
  readonly errorOf = errorOf;
  readonly #host: BrokerHost;
  readonly #settings: Settings;
  readonly #layout: Layout;
  readonly #feeds = new Set<NatsFeed>();
  #parts: Parts | undefined;

  constructor(options: NatsBrokerOptions, host: BrokerHost) {
    this.#settings = settingsOf(options);
    this.#host = host;
    this.#layout = new Layout(this.#settings.namespace);
    this.address = addressOf(this.#settings);
    this.operationTimeoutMs = this.#settings.operationTimeoutMs;
    this.control = new NatsControl(() => this.#parts && { ...this.#parts, layout: this.#layout });
    this.requests = {
      ask: (request) => this.#open.settlements.sender.ask(request),
      close: (ms) => this.#parts?.settlements.sender.close(ms),
    };
  }

  get admin(): NatsAdmin {
    return this.#open.admin;
  }

  async open(signal: AbortSignal): Promise<BrokerCapabilities> {
    const link = await openLink(this.#settings, signal, "lovage");
    try {
      const parts = await this.#assemble(link);
      signal.throwIfAborted();
      this.#parts = parts;
      this.#follow(parts);
      const { bands } = this.#settings;
      return natsCapabilities({ maxPayload: link.connection.info?.max_payload ?? 0, bands });
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#open.publisher.publish(messages);
  }

  async consume(terms: ConsumptionTerms<NatsClaim>): Promise<HeldConsumption<NatsClaim>> {
    const { link, streams, queues, revocations, mover, features, deadPulls, done } = this.#open;
    const [known] = await Promise.all([queues.find(terms.queue), revocations.follow()]);
    // What a server made of it while nobody consumed.
    if (!(await queues.repair(known.name))) throw new QueueNotFoundError(known.name);
    const feed = new NatsFeed(terms, known, {
      host: this.#host,
      link,
      layout: this.#layout,
      streams,
      queues,
      revocations,
      features,
      deadPulls,
      done,
      ended: (ended) => void this.#feeds.delete(ended),
    });
    this.#feeds.add(feed);
    mover.stand();
    return feed.consumption;
  }

  diagnose(): Promise<readonly Diagnosis[]> {
    const { link, version, streams, queues } = this.#open;
    return diagnose({ link, version, streams, queues, layout: this.#layout });
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    await atMost(parts.publisher.settled(), LAST_WORDS_MS);
    await atMost(parts.mover.end(), LAST_WORDS_MS);
    parts.queues.end();
    parts.revocations.end();
    await parts.link.close();
  }

  get #open(): Parts {
    return this.#parts as Parts;
  }

  async #assemble(link: NatsLink): Promise<Parts> {
    const layout = this.#layout;
    const { dedupeWindowMs, maxBytes, replicas, placement, bands } = this.#settings;
    const choices = { dedupeWindowMs, maxBytes, replicas, placement };
    const version = parseVersion(link.connection.info?.version ?? "");
    if (version === undefined || !atLeastVersion(version, OLDEST)) {
      throw new ConfigurationError(
        `the server is version ${link.connection.info?.version ?? "unknown"}; Lovage needs NATS ${OLDEST.major}.${OLDEST.minor} or newer`,
      );
    }
    const streams = new Streams(link);
    const bucket = (name: Parameters<Layout["bucket"]>[0]): Bucket => new Bucket(layout.bucket(name), link, layout);
    const [declared, movers, presence] = [bucket("queues"), bucket("movers"), bucket("workers")];
    await Promise.all([
      declared.ensure(0, choices),
      movers.ensure(ELECTION_TTL_MS, choices),
      presence.ensure(PRESENCE_MS, choices),
    ]);
    const features = featuresOf(version);
    const queues = new Queues({ layout, streams, bucket: declared, choices, features, bands });
    const limits = natsCapabilities({ maxPayload: link.connection.info?.max_payload ?? 0, bands });
    const publisher = new Publisher(link, layout, queues, limits, this.#settings.now);
    const { stepsBack, forgetsRemovals } = features;
    const deadPulls = new DeadPulls(link, stepsBack);
    const done = new Done({ link, layout, streams, affected: forgetsRemovals });
    const settlements = new Settlements({ link, layout, streams, queues, publisher, deadPulls, done });
    const revocations = new Revocations(bucket("revoked"), choices);
    const ghosts = new Ghosts({ link, layout, streams, queues });
    const mover = new Mover({ link, layout, streams, queues, publisher, bucket: movers, ghosts, forgetsRemovals });
    const admin = new NatsAdmin({ link, layout, streams, queues, revocations, publisher });
    await queues.follow();
    return {
      link,
      version,
      streams,
      queues,
      publisher,
      settlements,
      revocations,
      mover,
      presence,
      features,
      deadPulls,
      done,
      admin,
    };
  }

  #follow({ link, queues, revocations, settlements, version }: Parts): void {
    const { events } = this.#host;
    link.onDown(() => events.emit({ type: "disconnected" }));
    link.onTurnedAway(({ code, message }) => events.emit({ type: "warning", code, message }));
    link.onUp(() => {
      events.emit({ type: "connected" });
      settlements.sender.retryNow();
      // What was said meanwhile was not heard. Fails only with the connection, and then comes again.
      void Promise.allSettled([queues.follow(), revocations.catchUp()]);
    });
    if (atLeastVersion(version, OLDEST_ADVISED)) return;
    const { major, minor, patch } = OLDEST_ADVISED;
    setImmediate(() =>
      events.emit({
        type: "warning",
        code: "NATS_VERSION",
        message: `NATS ${link.connection.info?.version} has faults that were mended since (consumers that stand still, streams lost in a crash); use ${major}.${minor}.${patch} or newer`,
      }),
    );
  }
}

function addressOf({ connect, connection, namespace }: Settings): string {
  const { servers = "nats://127.0.0.1:4222" } = connect;
  const list = typeof servers === "string" ? servers.split(",") : servers;
  const shown = typeof connection === "object" ? [connection.getServer()] : list;
  const hosts = shown.map((server) => server.replace(/^[a-z]+:\/\//, "").replace(/^.*@/, "")).join(",");
  return `nats://${hosts}${namespace === "lovage" ? "" : ` (${namespace})`}`;
}

/**
 * A broker on a NATS server with JetStream, from 2.9 on. Throws `ConfigurationError` for options that cannot work; what is wrong with the server
 * shows at `connect()`.
 */
export function natsBroker(options: NatsBrokerOptions = {}): Broker {
  return createBroker((host) => new NatsRuntime(options, host));
}

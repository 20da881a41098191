/** The way to the storage: a thread, or the caller's own loop. Both look the same from here. */

import { Worker } from "node:worker_threads";
import { faultOf } from "./sqlite-errors.ts";
import type { Batch, BatchReply, Fault } from "./sqlite-operations.ts";
import type { StorageSettings } from "./sqlite-options.ts";
import { type HostNews, StorageHost } from "./storage/host.ts";

export type ToThread = { readonly batch: Batch } | { readonly watch: boolean } | { readonly close: true };
export type FromThread =
  | HostNews
  | { readonly opened: true }
  | { readonly fault: Fault }
  | { readonly reply: BatchReply };

export interface LinkEvents {
  readonly onReply: (reply: BatchReply) => void;
  readonly onNews: (news: HostNews) => void;
  /** The storage is gone: a batch under way may be done or not. */
  readonly onDown: (reason: string) => void;
}

/** One batch at a time: the next is sent after the reply. */
export interface StorageLink {
  send(batch: Batch): void;
  watch(on: boolean): void;
  /** Whether the link keeps the process alive. */
  hold(on: boolean): void;
  /** Closes the file. Resolves within about a second, whatever the disk does. */
  close(): Promise<void>;
}

export type OpenedLink =
  | { readonly ok: true; readonly link: StorageLink }
  | { readonly ok: false; readonly fault: Fault };

export function openLink(settings: StorageSettings, events: LinkEvents): Promise<OpenedLink> {
  return settings.placement === "loop" ? openOnLoop(settings, events) : openThread(settings, events);
}

async function openOnLoop(settings: StorageSettings, events: LinkEvents): Promise<OpenedLink> {
  let host: StorageHost;
  try {
    host = new StorageHost(settings, events.onNews);
  } catch (error) {
    return { ok: false, fault: faultOf(error, settings.path) };
  }
  // A timer that never fires is what holds the loop where the thread has its handle.
  const holder = setInterval(() => {}, 0x7fffffff).unref();
  const link: StorageLink = {
    send: (batch) => events.onReply(host.execute(batch)),
    watch: (on) => host.watch(on),
    hold: (on) => void (on ? holder.ref() : holder.unref()),
    close: async () => {
      clearInterval(holder);
      host.close();
    },
  };
  return { ok: true, link };
}

const CLOSE_MS = 1_000;

function openThread(settings: StorageSettings, events: LinkEvents): Promise<OpenedLink> {
  return new Promise((resolve) => {
    const entry = import.meta.url.endsWith(".ts") ? "./storage/thread.ts" : "./storage/thread.js";
    // The thread runs this package only: loaders of the application would cost their start-up time for nothing.
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: "lovage-sqlite",
      workerData: settings,
      execArgv: [],
    });
    let open = false;
    let closing = false;
    const down = (reason: string): void => {
      if (!open) resolve({ ok: false, fault: { kind: "storage", message: `the storage thread ended: ${reason}` } });
      else if (!closing) events.onDown(reason);
      open = true;
      closing = true;
    };
    const exited = new Promise<void>((done) => worker.once("exit", () => done()));
    worker.on("error", (error) => down(String((error as Error)?.message ?? error)));
    worker.on("exit", (code) => down(`exit code ${code}`));
    const send = (message: ToThread): void => worker.postMessage(message);
    const link: StorageLink = {
      send: (batch) => send({ batch }),
      watch: (on) => send({ watch: on }),
      hold: (on) => void (on ? worker.ref() : worker.unref()),
      close: async () => {
        closing = true;
        worker.ref();
        send({ close: true });
        const firm = setTimeout(() => void worker.terminate(), CLOSE_MS);
        await exited;
        clearTimeout(firm);
      },
    };
    worker.on("message", (message: FromThread) => {
      if ("reply" in message) events.onReply(message.reply);
      else if ("news" in message) events.onNews(message);
      else if ("fault" in message) {
        open = true;
        closing = true;
        resolve({ ok: false, fault: message.fault });
      } else {
        open = true;
        worker.unref();
        resolve({ ok: true, link });
      }
    });
  });
}

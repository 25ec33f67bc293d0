// Sends events by one of the Node SDKs, and ends when the SDK has let go of all of them:
//
//   node send.js SDK HOST KEY PREFIX COUNT < IDS
//
// Message ids come on standard input, one a line.
import { readFileSync } from "node:fs";

const [sdk, host, key, prefix, count] = process.argv.slice(2);
const ids = readFileSync(0, "utf8").trim().split("\n").slice(0, Number(count));

const senders = {
  async segment() {
    const { Analytics } = await import("@segment/analytics-node");
    const client = new Analytics({ writeKey: key, host, path: "/v1/batch", maxEventsInBatch: 50 });
    client.on("error", (error) => console.error(error.code));
    ids.forEach((messageId, n) => client.track({ messageId, userId: "u1", event: `${prefix} ${n}` }));
    await client.closeAndFlush();
  },
  async customerio() {
    const { Analytics } = await import("@customerio/cdp-analytics-node");
    const client = new Analytics({ writeKey: key, host, path: "/v1/batch", maxEventsInBatch: 50 });
    client.on("error", (error) => console.error(error.code));
    ids.forEach((messageId, n) => client.track({ messageId, userId: "u1", event: `${prefix} ${n}` }));
    await client.closeAndFlush();
  },
  async rudder() {
    const { default: Rudder } = await import("@rudderstack/rudder-sdk-node");
    const client = new Rudder(key, { dataPlaneUrl: host, flushAt: 50, flushInterval: 500 });
    process.on("unhandledRejection", (error) => console.error(error.message));
    // its flush() returns before all that is queued was sent; after a batch that it gives up it
    // throws, and leaves the rest in the queue, so that nothing is left to wait for
    const idle = new Promise((resolve) => process.once("beforeExit", resolve));
    const answers = ids.map(
      (messageId, n) =>
        new Promise((answered) => {
          client.track({ messageId, userId: "u1", event: `${prefix} ${n}` }, answered);
        }),
    );
    await Promise.race([Promise.all(answers), idle]);
  },
  async posthog() {
    const { PostHog } = await import("posthog-node");
    const client = new PostHog(key, { host, flushAt: 50, flushInterval: 500 });
    ids.forEach((uuid, n) => client.capture({ uuid, distinctId: "u1", event: `${prefix} ${n}` }));
    await client.shutdown(60_000);
  },
};

await senders[sdk]();
process.exit(0);

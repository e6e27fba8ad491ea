// Unmodified posthog-node, pointed at a collector: node send_with_posthog_node.mjs URL KEY
import { PostHog } from "posthog-node";

const [host, key] = process.argv.slice(2);
const client = new PostHog(key, { host, flushAt: 2, disableGeoip: true });
for (let n = 0; n < 7; n++) {
  client.capture({ distinctId: "canary-node-sender", event: "plugin_removed", properties: { type: "channel", note: "canary-free-text" } });
}
client.capture({ distinctId: "canary-node-sender", event: "canary_undeclared", properties: {} });
await client.shutdown();

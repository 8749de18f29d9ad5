import type { FakeHandler } from "./fake-commands.ts";
import { array, bulk, error, integer } from "./resp-writer.ts";

const NODE_ID = "f".repeat(40);

/** Answers CLUSTER for a fake server that is the one node of a cluster, with all slots. */
export function oneNode(port: () => number): FakeHandler {
  return ({ args }, connection) => {
    const subcommand = args[0]?.toUpperCase();
    if (subcommand === "INFO") connection.write(bulk("cluster_state:ok\r\n"));
    else if (subcommand !== "SLOTS") connection.write(error(`ERR unknown subcommand '${args[0]}'`));
    else {
      const node = array([bulk("127.0.0.1"), integer(port()), bulk(NODE_ID)]);
      connection.write(array([array([integer(0), integer(16_383), node])]));
    }
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { atExit } from "./at-exit.ts";

/** A running server that ends with this process at the latest. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when it has ended. SIGTERM, the default, is followed by SIGKILL if it does not help. */
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** The programs to try; `npm run demo` names one that it has found or installed. */
export const programs: readonly string[] = process.env.TIDINGS_SERVER
  ? [process.env.TIDINGS_SERVER]
  : ["redis-server", "valkey-server"];

/** Starts a server on the loopback interface; resolves when it accepts connections, or with why there is none. */
export async function startServerProcess(
  program: string,
  options: Readonly<Record<string, string | number>>,
): Promise<ServerProcess | "no such program" | "ended"> {
  const all = { bind: "127.0.0.1", save: "", appendonly: "no", ...options };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });

  const kill = (): void => void child.kill("SIGKILL");
  const forget = atExit(kill);
  const gone = new Promise<"no such program" | "ended">((resolve) => {
    child.once("error", () => resolve("no such program"));
    child.once("exit", () => resolve("ended"));
  });
  void gone.then(forget);

  const outcome = await Promise.race([ready(child), gone, delay(10_000, "late" as const, { ref: false })]);
  if (outcome === "late") kill();
  if (outcome !== "ready") return outcome === "late" ? gone : outcome;

  return {
    pid: Number(child.pid),
    end: async (signal = "SIGTERM") => {
      child.kill(signal);
      const patience = setTimeout(kill, 3000);
      await gone;
      clearTimeout(patience);
    },
  };
}

/** Resolves when the server says that it accepts connections; goes on reading, so that the server never blocks. */
function ready(child: ChildProcess): Promise<"ready"> {
  return new Promise((resolve) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < 100_000) output += text;
      if (output.includes("Ready to accept connections")) resolve("ready");
    });
  });
}

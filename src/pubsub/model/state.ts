/** Where a consumer stands: `reconnecting` from the loss of a connection until all is restored; `failed` until `retry()`. */
export type State = "connecting" | "live" | "reconnecting" | "failed" | "closed";

package dev.workloads.httpapi;

/** What keeps the durable tasks of a test; both have to give the same answers. */
enum StoreKind {

  IN_PROCESS,

  /** On a real nats-server. */
  JET_STREAM
}

package dev.workloads.systemtests;

/** A worker and an HTTP API. */
record Pair(App worker, App httpApi) implements AutoCloseable {

  /** Starts both with the same settings, of which each ignores what only the other knows. */
  static Pair start(WorkerKind kind, String natsUrl, String... settings) {
    return new Pair(kind.start(natsUrl, settings), App.httpApi(natsUrl, settings));
  }

  /** Blocks until both are ready. */
  Pair awaitReady() {
    worker.awaitReady();
    httpApi.awaitReady();
    return this;
  }

  @Override
  public void close() {
    httpApi.close();
    worker.close();
  }
}

package dev.workloads.systemtests;

/** What the contract promises in milliseconds, and how much a busy machine may add. */
final class Bounds {

  static final boolean FULL = Boolean.getBoolean("faults.full");
  static final int ROUNDS = Integer.getInteger("faults.rounds", 1);
  static final long RETRY_WINDOW_MILLIS = 250;
  static final long REQUEST_TIMEOUT_MILLIS = 5000;
  static final long SLACK_MILLIS = 1000;

  private Bounds() {}
}

package dev.workloads.systemtests;

import java.util.List;

/** The workers that faults are tried on: what one bears on a pool's threads says nothing of one on the transport's. */
enum WorkerKind {

  /** {@link TestWorker}, an echo that waits as long as it is told to, on a thread of the pool. */
  TEST {
    @Override
    App start(String natsUrl, String... settings) {
      return App.of(TestWorker.class, natsUrl, settings);
    }

    @Override
    String[] busy(int maxInFlight, int millis) {
      return new String[] {"--messaging.max-in-flight=" + maxInFlight, "--worker.delay=" + millis};
    }

    @Override
    String jobs() {
      return "work";
    }

    @Override
    String work(String text) {
      return text;
    }

    @Override
    String answer(String text) {
      return text;
    }
  },

  /** The jar of task-leet, which handles short texts on the transport's thread and long ones on the pool's. */
  LEET {
    @Override
    App start(String natsUrl, String... settings) {
      return App.taskLeet(natsUrl, settings);
    }

    @Override
    String[] busy(int maxInFlight, int millis) {
      return new String[] {"--messaging.max-in-flight=1"};
    }

    @Override
    String jobs() {
      return "task-leet";
    }

    @Override
    String work(String text) {
      return text + LONG;
    }

    @Override
    String answer(String text) {
      String result = text;
      for (String pair : LETTERS) {
        result = result.replace(pair.charAt(0), pair.charAt(1));
      }
      return result;
    }
  };

  private static final String LONG = " " + "x".repeat(100_000); // a millisecond or two
  private static final List<String> LETTERS =
      List.of("a4", "e3", "i1", "o0", "s5", "t7", "l1", "A4", "E3", "I1", "O0", "S5", "T7", "L1");

  /** The kinds that a run tries: at full length each, else the one that it is told to. */
  static List<WorkerKind> tried() {
    return Bounds.FULL ? List.of(values()) : List.of(valueOf(System.getProperty("faults.kind", LEET.name())));
  }

  /** Starts a worker for {@code tasks.>}, unless the settings name other subscriptions. */
  abstract App start(String natsUrl, String... settings);

  /** Returns settings with which many of {@link #work} at once keep the worker busy for a while. */
  abstract String[] busy(int maxInFlight, int millis);

  /** Returns the name that durable tasks call the worker by. */
  abstract String jobs();

  /** Returns the text, made long where only that makes work of it. */
  abstract String work(String text);

  /** Returns the right answer to the text. */
  abstract String answer(String text);
}

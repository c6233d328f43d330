package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Keeps copies of the jobs that a group gives up, for an operator to look at and to put back. If the broker refuses a copy, the
 * next one has less of the job: first no foreign headers, then no payload. Safe for use by many threads.
 */
final class DeadLetters {

  static final String HEADERS_FOR_JETSTREAM = "Nats-"; // they tell it what to do with the job, and not with a copy
  private static final int LONGEST_NAME = 255; // else a foreign job's header may be what makes the copy too large

  private final DurableStore store;
  private final JobSettings settings;
  private final FailureLog failures;
  private volatile @Nullable Refusal refusal;

  /** Why the broker takes no letter at all. This counts until the end, when another worker may have the job. */
  private record Refusal(String why, Deadline end) {}

  DeadLetters(DurableStore store, JobSettings settings, FailureLog failures) {
    this.store = store;
    this.settings = settings;
    this.failures = failures;
  }

  /** Returns why the broker takes not even the barest letter, or {@code null} if it does. */
  @Nullable String problem() {
    Refusal current = refusal;
    return current == null || current.end().isOver() ? null : current.why();
  }

  /**
   * Keeps a copy; returns whether the broker takes any, and gives the job back if it takes none. May be repeated: the
   * broker keeps one of several copies with one id.
   *
   * @param entry of the job's task, or {@code null} if the job has none
   * @throws BrokerException if the broker takes nothing now
   */
  boolean add(Job job, @Nullable TaskStatus entry, String reason, Duration timeout) {
    BrokerMessage message = job.message();
    String subject = Jobs.DEAD_LETTER_PREFIX + settings.group();
    int attempts = entry == null ? 0 : entry.attempts();
    // The letters of all groups are in one stream
    String id = (entry == null ? settings.group() + "." + job.sequence() : entry.id()) + "-" + attempts;
    Map<String, List<String>> named = headersThatName(message);
    String why = "";
    for (BrokerMessage copy : List.of(new BrokerMessage(subject, message.body(), null, headersForOthers(message)),
        new BrokerMessage(subject, message.body(), null, named), withoutPayload(message, subject, named))) {
      try {
        store.append(copy.withHeader(Jobs.JOB_SUBJECT_HEADER, ascii(message.subject()))
            .withHeader(Jobs.TASK_ATTEMPTS_HEADER, Integer.toString(attempts))
            .withHeader(Jobs.REASON_HEADER, ascii(reason)), id, timeout);
        refusal = null;
        return true;
      } catch (IllegalArgumentException | StaleRevisionException | BrokerException e) {
        if (e instanceof BrokerException outage && outage.reason() != Reason.PAYLOAD_TOO_LARGE) {
          throw e;
        }
        failures.log(Level.ERROR, message,
            "The broker refuses a copy of a job as a dead letter, so the next copy has less of it: " + e.getMessage() + " (job "
                + job.sequence() + ")");
        why = String.valueOf(e.getMessage());
      }
    }
    refusal = new Refusal("job " + job.sequence() + " cannot be a dead letter: " + why,
        Deadline.after(settings.lease().multipliedBy(2)));
    failures.log(Level.ERROR, message, "A job of which there can be no dead letter stays in its queue, and comes again in "
        + settings.lease() + " (" + Attempt.name(job, entry) + ")");
    job.giveBack(settings.lease());
    return false;
  }

  private static BrokerMessage withoutPayload(BrokerMessage job, String subject, Map<String, List<String>> headers) {
    BrokerMessage copy = new BrokerMessage(subject, new byte[0], null, headers);
    return job.body().length == 0 ? copy : copy.withHeader(Jobs.LACKS_HEADER, "payload");
  }

  private static Map<String, List<String>> headersThatName(BrokerMessage job) {
    Map<String, List<String>> headers = new LinkedHashMap<>();
    Stream.of(Jobs.TASK_ID_HEADER, Jobs.TASK_CLIENT_HEADER).forEach(name -> {
      String value = job.header(name);
      if (value != null && value.length() <= LONGEST_NAME) {
        headers.put(name, List.of(ascii(value)));
      }
    });
    return headers;
  }

  private static Map<String, List<String>> headersForOthers(BrokerMessage job) {
    Map<String, List<String>> headers = new LinkedHashMap<>(job.headers());
    headers.keySet().removeIf(name ->
        name.regionMatches(true, 0, HEADERS_FOR_JETSTREAM, 0, HEADERS_FOR_JETSTREAM.length()));
    return headers;
  }

  private static String ascii(String text) {
    return text.replaceAll("[^ -~]", "?");
  }
}

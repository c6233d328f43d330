package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.Subjects;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Puts the tasks of dead letters back into their queues. Safe for use by many threads. */
record PutBack(TaskRegister register, TaskSubmissions submissions) {

  /** Why a task is left that lacks what it would need to be done once more. */
  static final String INCOMPLETE = "incomplete";
  private static final Set<String> OF_LETTERS = Set.of(Jobs.JOB_SUBJECT_HEADER, Jobs.REASON_HEADER);

  /** Returns why a task is left, or {@code null} if it is put back; see {@link DurableTasks#putBack}. */
  @Nullable String of(BrokerMessage letter, long sequence, Deadline deadline) {
    String id = Claim.taskId(letter);
    String subject = String.valueOf(letter.header(Jobs.JOB_SUBJECT_HEADER));
    if (id == null || !isOfJobs(subject) || letter.header(Jobs.LACKS_HEADER) != null) {
      return INCOMPLETE;
    }
    String worker = subject.substring(Jobs.SUBJECT_PREFIX.length());
    try {
      TaskStatus entry = register.findLatest(id, deadline.remaining());
      if (entry == null || entry.task().isNew() || Jobs.EXPIRED.equals(letter.header(Jobs.REASON_HEADER))) {
        TaskStatus submitted = submissions.submit(
            new NewTask(worker, letter.body(), id, letter.header(Jobs.TASK_CLIENT_HEADER)), id, deadline);
        return submitted.state() == TaskState.CANCELLED ? TaskState.CANCELLED.text() : null;
      }
      String obstacle = obstacle(letter, worker, entry.task());
      if (obstacle == null) {
        submissions.append(job(letter, subject), id + "-" + entry.attempts() + "-" + sequence, deadline);
      }
      return obstacle;
    } catch (UnreadableEntryException e) {
      return "entry unreadable";
    } catch (IdempotencyKeyReusedException e) {
      return "another task has its id";
    }
  }

  private static boolean isOfJobs(String subject) {
    return subject.startsWith(Jobs.SUBJECT_PREFIX) && Subjects.isWorkerName(subject.substring(Jobs.SUBJECT_PREFIX.length()));
  }

  /** A job of a task that has gone on since does no harm: its worker acknowledges it. */
  private static @Nullable String obstacle(BrokerMessage letter, String worker, TaskRecord task) {
    boolean isPutBack = Claim.isPutBack(letter, task);
    boolean isOther = !task.hash().equals(TaskRegister.hash(worker, letter.body()));
    if (task.state() == TaskState.CANCELLED) {
      return task.state().text();
    } else if (isOther && letter.body().length == 0) { // a letter of another language, or of an earlier version
      return INCOMPLETE;
    } else if (isOther && !isPutBack) {
      return "another task has its id";
    }
    // Its worker has written the letter, and is about to write the end: before that, the job would be taken for a second one
    return !task.state().isFinished() && Claim.hasAttemptsOf(letter, task) ? "about to fail" : null;
  }

  private static BrokerMessage job(BrokerMessage letter, String subject) {
    Map<String, List<String>> headers = new LinkedHashMap<>(letter.headers());
    headers.keySet().removeIf(name -> OF_LETTERS.contains(name) || name.startsWith(DeadLetters.HEADERS_FOR_JETSTREAM));
    return new BrokerMessage(subject, letter.body(), null, headers);
  }
}

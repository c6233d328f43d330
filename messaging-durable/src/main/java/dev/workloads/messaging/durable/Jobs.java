package dev.workloads.messaging.durable;

import dev.workloads.messaging.Subjects;
import java.util.regex.Pattern;

/** The subjects and headers of jobs, and the ids that they name. */
public final class Jobs {

  /** What the subjects of jobs begin with; a worker's name follows. */
  public static final String SUBJECT_PREFIX = Subjects.JOBS;
  /** What the subjects of dead letters begin with; the group of workers follows. */
  public static final String DEAD_LETTER_PREFIX = Subjects.DEAD_LETTERS;
  /** The header with the id of the task. */
  public static final String TASK_ID_HEADER = "Task-Id";
  /** The header with the name of the client that the task belongs to; absent where clients have no names. */
  public static final String TASK_CLIENT_HEADER = "Task-Client";
  /** The header that tells a handler which attempt it is, from 1 on. */
  public static final String TASK_ATTEMPT_HEADER = "Task-Attempt";
  /**
   * The header with the number of attempts that a task had: of a dead letter, and of a job that puts it back. Such a job
   * starts a failed task anew.
   */
  public static final String TASK_ATTEMPTS_HEADER = "Task-Attempts";
  /** The header of a dead letter that tells why it is one. */
  public static final String REASON_HEADER = "Dead-Letter-Reason";
  /** The reason of a dead letter whose task had no entry any more. */
  public static final String EXPIRED = "expired";
  /** The header of a dead letter that is {@code payload} where the letter lacks that of its job. */
  public static final String LACKS_HEADER = "Dead-Letter-Lacks";
  /** The header of a dead letter with the subject of its job. */
  public static final String JOB_SUBJECT_HEADER = "Job-Subject";

  private static final Pattern TASK_ID = Pattern.compile("[A-Za-z0-9_-]{22,64}");
  // What names a stream and a consumer as it is, so that no two groups share one; JOBS_DEAD is that of the dead letters
  private static final Pattern GROUP = Pattern.compile("(?!DEAD$)[A-Za-z0-9_-]{1,200}");

  private Jobs() {}

  /** Returns whether a text may be the id of a task. */
  public static boolean isTaskId(String text) {
    return TASK_ID.matcher(text).matches();
  }

  /** Returns whether a group of workers called so can have a queue. */
  public static boolean isGroup(String name) {
    return GROUP.matcher(name).matches();
  }
}

package dev.workloads.messaging.durable.autoconfigure;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.TaskRecord;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.durable.operations.LetterFilter;
import dev.workloads.messaging.durable.operations.RunningException;
import dev.workloads.messaging.durable.operations.TaskOperations;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.Selector.Match;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.util.MimeTypeUtils;

/**
 * Actuator endpoint {@code tasks}: what waits and what has failed, and how an operator puts it right. Blocks as
 * {@link TaskOperations} does. Boot takes one read operation below {@code tasks}, so it serves ids as well as {@code dead}.
 */
@WebEndpoint(id = "tasks", defaultAccess = Access.NONE)
public final class TasksEndpoint {

  private static final int MAX_LETTERS = 1000;
  private static final int DEFAULT_LETTERS = 100;
  private static final String DEAD = "dead";

  private final TaskOperations operations;

  TasksEndpoint(TaskOperations operations) {
    this.operations = operations;
  }

  /** A task as the store has it. */
  record Task(String id, @JsonUnwrapped TaskRecord task, Instant expires, long revision) {

    static Task of(TaskStatus status) {
      return new Task(status.id(), status.task(), status.expires(), status.revision());
    }
  }

  /** Tells what waits, what has failed, and how far a retry is. */
  @ReadOperation
  public WebEndpointResponse<?> summary() {
    return answer(operations::summary);
  }

  /** Serves {@code {id}}, {@code dead} and {@code dead/{sequence}/payload}. */
  @ReadOperation
  public WebEndpointResponse<?> read(@Selector(match = Match.ALL_REMAINING) String[] path, @Nullable String group,
      @Nullable String reason, @Nullable Long after, @Nullable Integer limit) {
    String joined = String.join("/", path);
    if (joined.equals(DEAD)) {
      return letters(new LetterFilter(group, reason, Long.MAX_VALUE), after == null ? 0 : after,
          limit == null ? DEFAULT_LETTERS : limit);
    } else if (joined.matches("dead/\\d{1,18}/payload")) {
      return payload(Long.parseLong(path[1]));
    }
    return path.length == 1 ? task(path[0]) : notFound("there is nothing at tasks/" + joined);
  }

  private WebEndpointResponse<?> letters(LetterFilter filter, long after, int limit) {
    if (limit < 1 || limit > MAX_LETTERS) {
      return badRequest("limit must be from 1 to " + MAX_LETTERS);
    }
    return answer(() -> operations.letters(filter, after, limit));
  }

  private WebEndpointResponse<?> payload(long sequence) {
    return answer(() -> {
      BrokerMessage letter = operations.letter(sequence);
      return letter == null ? notFound("there is no dead letter " + sequence)
          : new WebEndpointResponse<>(letter.body(), MimeTypeUtils.APPLICATION_OCTET_STREAM);
    });
  }

  private WebEndpointResponse<?> task(String id) {
    return answer(() -> {
      TaskStatus status = operations.task(id);
      return status == null ? notFound("there is no task " + id + ", or it has expired") : Task.of(status);
    });
  }

  /** Serves {@code dead/retry} and {@code dead/delete}; tells only what it would do unless {@code dryRun} is {@code false}. */
  @WriteOperation
  public WebEndpointResponse<?> change(@Selector(match = Match.ALL_REMAINING) String[] path, @Nullable String group,
      @Nullable String reason, @Nullable Long upTo, @Nullable Boolean dryRun) {
    String joined = String.join("/", path);
    boolean isRetry = joined.equals("dead/retry");
    boolean isDryRun = dryRun == null || dryRun;
    if (!isRetry && !joined.equals("dead/delete")) {
      return notFound("what changes something is at tasks/dead/retry and tasks/dead/delete");
    } else if (!isDryRun && upTo == null) {
      return badRequest("with dryRun false, name upTo: a dry run tells it, and what it counts");
    }
    return answer(() -> {
      LetterFilter filter = new LetterFilter(group, reason, upTo == null ? operations.lastLetter() : upTo);
      return isRetry ? operations.retry(filter, isDryRun) : operations.delete(filter, isDryRun);
    });
  }

  private static WebEndpointResponse<?> answer(Callable<?> operation) {
    try {
      Object result = operation.call();
      return result instanceof WebEndpointResponse<?> response ? response : new WebEndpointResponse<>(result);
    } catch (RunningException e) {
      return problem(409, e.getMessage());
    } catch (BrokerException e) {
      return problem(WebEndpointResponse.STATUS_SERVICE_UNAVAILABLE, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return problem(WebEndpointResponse.STATUS_SERVICE_UNAVAILABLE, "the application stops");
    } catch (Exception e) {
      throw e instanceof RuntimeException bug ? bug : new IllegalStateException(e);
    }
  }

  private static WebEndpointResponse<?> badRequest(String error) {
    return problem(WebEndpointResponse.STATUS_BAD_REQUEST, error);
  }

  private static WebEndpointResponse<?> notFound(String error) {
    return problem(WebEndpointResponse.STATUS_NOT_FOUND, error);
  }

  private static WebEndpointResponse<?> problem(int status, @Nullable String error) {
    return new WebEndpointResponse<>(Map.of("error", String.valueOf(error)), status);
  }
}

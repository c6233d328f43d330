package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import java.io.IOException;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Durable tasks where a step of the store fails. */
class DurableFailureTests {

  private static final String JSON = "Accept: application/problem+json";
  private static final String WAIT = "Prefer: wait=20";

  private static final BrokenStore store = new BrokenStore();
  private static HttpApi broken;

  private final String worker = "w-" + UUID.randomUUID();

  @BeforeAll
  static void start() {
    broken = HttpApi.keepingTasksIn(store, "messaging.request.retry-window=0");
  }

  @AfterAll
  static void stop() {
    broken.context().close();
  }

  @BeforeEach
  void mend() {
    store.fail(null, null, null);
  }

  @ParameterizedTest
  @CsvSource({"TIMEOUT, timeout", "BROKER_UNAVAILABLE, broker-unavailable"})
  void storeThatCannotBeReadIsTold(Reason failure, String reason) throws IOException {
    broken.queue(worker);
    String path = broken.path(worker, "x");
    store.fail(new BrokerException(failure, "why"), null, null);

    assertProblem(broken.get(path, JSON), reason, "why");
    assertProblem(broken.get(path, JSON, WAIT), reason, "why");
    assertProblem(broken.get(path + "/result", JSON), reason, "why");
    assertProblem(broken.send("DELETE", path, JSON), reason, "why");
  }

  @ParameterizedTest
  @CsvSource({"TIMEOUT, timeout", "BROKER_UNAVAILABLE, broker-unavailable"})
  void storeThatTakesNothingIsTold(Reason failure, String reason) throws IOException {
    broken.queue(worker);
    BrokerException why = new BrokerException(failure, "why");
    store.fail(null, why, null);
    assertProblem(broken.submit(worker, "x"), reason, "why");
    store.fail(null, null, why);
    assertProblem(broken.submit(worker, "x"), reason, "why");
    assertProblem(broken.submit(worker, "x", "Idempotency-Key: " + worker), reason, "why");
    store.fail(null, null, null);
    assertThat(broken.submit(worker, "x", "Idempotency-Key: " + worker).status()).isEqualTo(202);
  }

  @Test
  void taskThatIsAcceptedIsToldAlthoughTheBrokerIsGoneWhileTheClientWaits() throws IOException {
    broken.queue(worker);
    store.fail(new BrokerException(Reason.TIMEOUT, "why"), null, null);

    assertThat(broken.submit(worker, "x", WAIT).status()).isEqualTo(202);
  }

  private static void assertProblem(Answer answer, String reason, String detail) {
    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.reason()).isEqualTo(reason);
    assertThat(answer.detail()).startsWith(detail);
  }
}

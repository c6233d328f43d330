package dev.workloads.messaging.testing;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * How long tests wait, for all of them: for what must come longer than any machine stalls, since only a failure uses it up. JUnit
 * finds it by itself.
 */
public final class Patience implements BeforeAllCallback {

  /** Long enough that a wrong one would have come. */
  public static final Duration FOR_A_WRONG_ONE = Duration.ofMillis(300);

  @Override
  public void beforeAll(ExtensionContext context) {
    Awaitility.setDefaultTimeout(Duration.ofSeconds(60));
    Awaitility.setDefaultPollDelay(Duration.ZERO);
    Awaitility.setDefaultPollInterval(Duration.ofMillis(10));
  }
}

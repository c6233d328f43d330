package dev.workloads.messaging.durable;

import dev.workloads.messaging.InvalidConfigurationException;
import java.util.List;

/** Thrown at the start if what durable tasks are kept in is not, and will not be, as the settings say. */
public final class ProvisioningException extends InvalidConfigurationException {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param problems what is wrong, a sentence each
   */
  public ProvisioningException(List<String> problems) {
    super("What durable tasks are kept in is not as the settings say:" + System.lineSeparator()
        + String.join(System.lineSeparator(), problems), "Correct the settings of messaging.durable, or change what is there as "
            + "docs/operate/durable-tasks.md says, and start again.");
  }
}

package dev.workloads.messaging.durable;

import java.util.List;

/** Thrown at the start if what durable tasks are kept in is not, and will not be, as the settings say. */
public final class ProvisioningException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param problems what is wrong, a sentence each
   */
  public ProvisioningException(List<String> problems) {
    super(String.join(System.lineSeparator(), problems));
  }
}

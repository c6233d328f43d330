package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.ProvisioningException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Shows why durable tasks cannot be kept as the settings say, and what to do, in place of a stack trace. */
final class ProvisioningFailureAnalyzer extends AbstractFailureAnalyzer<ProvisioningException> {

  @Override
  protected FailureAnalysis analyze(Throwable rootFailure, ProvisioningException cause) {
    return new FailureAnalysis("What durable tasks are kept in is not as the settings say:" + System.lineSeparator()
        + cause.getMessage(), "Correct the settings of messaging.durable, or change what is there as "
            + "docs/operate/durable-tasks.md says, and start again.", cause);
  }
}

package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.listener.InvalidListenerException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Shows what is wrong with a listener, and what to do, in place of a stack trace. */
final class InvalidListenerFailureAnalyzer extends AbstractFailureAnalyzer<InvalidListenerException> {

  @Override
  protected FailureAnalysis analyze(Throwable rootFailure, InvalidListenerException cause) {
    return new FailureAnalysis(cause.problem(), cause.advice(), cause);
  }
}

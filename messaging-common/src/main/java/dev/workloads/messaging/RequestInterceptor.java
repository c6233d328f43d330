package dev.workloads.messaging;

import java.util.function.UnaryOperator;

/** Stands around every request of a client, its tries included: to observe it, or to add headers. */
@FunctionalInterface
public interface RequestInterceptor {

  /**
   * Passes the request on.
   *
   * @param next sends the request it is given and returns the reply, or throws {@link BrokerException}
   */
  BrokerMessage intercept(BrokerMessage request, UnaryOperator<BrokerMessage> next);
}
